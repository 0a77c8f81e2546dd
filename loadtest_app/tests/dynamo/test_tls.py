# SPDX-License-Identifier: Apache-2.0
"""TLS on a connection: records in any cut, announced closes, and large responses, against OpenSSL's server side."""

import asyncio
import contextlib
import ssl
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import certificate
import pytest
from ddbload.dynamo.http1 import Connection, Layout
from ddbload.dynamo.tls import TlsConnection
from hypothesis import given, settings
from hypothesis import strategies as st

# The largest read of the event loop.
READ_BYTES = 256 * 1024
MEGABYTE = 1 << 20
Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


class Owner:
    """Records responses, whether the connection was usable at each, and the reasons of losses."""

    def __init__(self) -> None:
        self.layout = Layout()
        self.responses: list[tuple[bytes, bool]] = []
        self.lost_for: list[str] = []

    def succeeded(self, connection: Connection, body: bytes) -> None:
        self.responses.append((body, connection.usable))

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        raise AssertionError(f"status {status}, intact: {intact}")

    def lost(self, connection: Connection, reason: str) -> None:
        self.lost_for.append(reason)


class Pair:
    """A connection of the load tester and OpenSSL's server side, joined in memory; needs a running event loop."""

    def __init__(self, contexts: Contexts) -> None:
        server, client = contexts
        self.owner = Owner()
        self.transport = mock.Mock(**{"is_closing.return_value": False})
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._server = server.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.transport.write.side_effect = self._incoming.write
        self.client = TlsConnection(self.owner, client, "127.0.0.1")
        self.client.connection_made(self.transport)
        with pytest.raises(ssl.SSLWantReadError):
            self._server.do_handshake()
        self.client.data_received(self._outgoing.read())
        self._server.do_handshake()
        # The session tickets, which hold no data.
        self.client.data_received(self._outgoing.read())
        assert self.client.secured.done()

    def records(self, plain: bytes) -> bytes:
        """Return the bytes of the network for plaintext of the server."""
        while plain:
            plain = plain[self._server.write(plain) :]
        return self._outgoing.read()

    def close_notify(self) -> bytes:
        """Return the bytes that announce the server's close, which comes after it has read the request."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._server.read(READ_BYTES)
        with pytest.raises(ssl.SSLWantReadError):
            self._server.unwrap()  # waits for the client's own announcement
        return self._outgoing.read()


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    server, trusted = certificate.make(Path(tmp_path_factory.mktemp("tls")))
    return server, ssl.create_default_context(cafile=str(trusted))


def response(body: bytes) -> bytes:
    """Return a whole response of status 200."""
    return b"HTTP/1.1 200 OK\r\nx-amz-crc32: %d\r\ncontent-length: %d\r\n\r\n%b" % (zlib.crc32(body), len(body), body)


def joined(contexts: Contexts, work: Callable[[Pair], None]) -> Pair:
    """Run a function on a pair in an event loop, and return the pair."""

    async def main() -> Pair:
        pair = Pair(contexts)
        work(pair)
        return pair

    return asyncio.run(main())


@given(st.lists(st.binary(max_size=40_000), min_size=1, max_size=3), st.lists(st.integers(1, 50_000), min_size=1))
@settings(max_examples=40, deadline=None)
def test_responses_are_read_in_records_of_any_size(contexts: Contexts, bodies: list[bytes], cuts: list[int]) -> None:
    def work(pair: Pair) -> None:
        for body in bodies:
            pair.client.begin(b"request")
            data, number = pair.records(response(body)), 0
            while data:
                step = cuts[number % len(cuts)]
                pair.client.data_received(data[:step])
                data, number = data[step:], number + 1

    assert joined(contexts, work).owner.responses == [(body, True) for body in bodies]


@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
def test_no_request_follows_a_close_notify(contexts: Contexts, together: bool) -> None:
    """A response with an announced close is read; the connection accepts no further request."""

    def work(pair: Pair) -> None:
        pair.client.begin(b"request")
        last, close = pair.records(response(b"{}")), pair.close_notify()
        for data in (last + close,) if together else (last, close):
            pair.client.data_received(data)

    pair = joined(contexts, work)
    assert pair.owner.responses == [(b"{}", not together)]
    assert (pair.owner.lost_for, pair.client.usable) == (["ConnectionClosed"], False)
    assert pair.transport.abort.called


def test_a_body_cut_by_close_notify_is_a_closed_connection(contexts: Contexts) -> None:
    def work(pair: Pair) -> None:
        pair.client.begin(b"request")
        pair.client.data_received(pair.records(response(b"{}")[:-1]) + pair.close_notify())

    pair = joined(contexts, work)
    assert (pair.owner.responses, pair.owner.lost_for) == ([], ["ConnectionClosed"])


def test_an_invalid_record_ends_the_connection(contexts: Contexts) -> None:
    pair = joined(contexts, lambda pair: pair.client.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert pair.transport.abort.called
    pair.client.connection_lost(None)
    assert pair.owner.lost_for[-1].startswith("TLS: ")


def seconds_to_read(contexts: Contexts, size: int) -> float:
    """Return the seconds that a response of a size takes, in the reads of the event loop."""
    body = b"x" * size
    taken_s = 0.0

    def work(pair: Pair) -> None:
        nonlocal taken_s
        pair.client.begin(b"request")
        data = pair.records(response(body))
        parts = [data[start : start + READ_BYTES] for start in range(0, len(data), READ_BYTES)]
        start_s = time.thread_time()
        for part in parts:
            pair.client.data_received(part)
        taken_s = time.thread_time() - start_s

    assert joined(contexts, work).owner.responses == [(body, True)]
    return taken_s


def test_a_large_response_takes_linear_time(contexts: Contexts) -> None:
    """Eight times the size takes about eight times as long; it took 64 times as long with a copy for each record."""
    small = min(seconds_to_read(contexts, 2 * MEGABYTE) for _attempt in range(3))
    large = min(seconds_to_read(contexts, 16 * MEGABYTE) for _attempt in range(3))
    assert large < 20 * small
