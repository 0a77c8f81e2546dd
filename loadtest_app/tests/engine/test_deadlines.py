# SPDX-License-Identifier: Apache-2.0
"""Deadlines: which requests are aborted, and when a table counts as gone."""

from ddbload.dynamo.http1 import Connection
from ddbload.dynamo.pool import Pool
from ddbload.engine.deadlines import CHECK_INTERVAL_NS, GONE_AFTER_NS, Deadlines

SECOND_NS = 1_000_000_000


class Recorded(Connection):
    """A connection that records why it is aborted."""

    reasons: tuple[str, ...] = ()

    def abort(self, reason: str) -> None:
        self.reasons += (reason,)


def connected(pool: Pool, sent_ns: int, busy: bool = True) -> Recorded:
    connection = Recorded(pool)
    connection.busy = busy
    connection.call = (None, None, None, 0, sent_ns, None)
    pool.live.add(connection)
    return connection


def test_only_a_request_beyond_its_timeout_is_aborted() -> None:
    pool = Pool("localhost", 8000, None, 3)
    late, early, idle = connected(pool, 0), connected(pool, 1), connected(pool, 0, busy=False)
    deadlines = Deadlines(pool, 2.0)
    assert deadlines.check(2 * SECOND_NS + 1) is None
    assert (late.reasons, early.reasons, idle.reasons) == (("Timeout",), (), ())
    assert deadlines.next_check_ns == 2 * SECOND_NS + 1 + CHECK_INTERVAL_NS


def test_a_table_is_unreachable_after_30_s() -> None:
    pool = Pool("localhost", 8000, None, 1)
    pool.last_live_ns = 5
    deadlines = Deadlines(pool, 2.0)
    assert deadlines.check(5 + GONE_AFTER_NS) is None
    gone = deadlines.check(6 + GONE_AFTER_NS)
    assert gone is not None
    assert (gone.reason, gone.message) == ("ConnectionsLost", "no connection for 30 s")
    connected(pool, GONE_AFTER_NS)
    assert deadlines.check(6 + GONE_AFTER_NS) is None
