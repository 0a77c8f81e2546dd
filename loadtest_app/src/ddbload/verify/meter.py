# SPDX-License-Identifier: Apache-2.0
"""The units that the requests of the check and the cleanup may consume, attempt by attempt."""

from __future__ import annotations

from ddbload.dynamo.client import Bulk
from ddbload.dynamo.pool import Pool
from ddbload.dynamo.responses.documents import InvalidAnswer, read_success
from ddbload.dynamo.responses.errors import classify
from ddbload.dynamo.sign import Signer
from ddbload.workload.operations.base import Workload, encode

# DynamoDB did nothing, and so charges nothing.
FREE = frozenset({"throttled", "fatal"})
NEVER_SENT = b"NoConnection"


class MeteredBulk(Bulk):
    """Sends requests as its base does, and counts each attempt at the units that its keys are expected to consume.

    Attributes:
        read_units: of all attempts so far, those under way included.
        write_units: the same.
        uncertain_read_units: the part of them without a response, or whose response has no units.
        uncertain_write_units: the same.
    """

    def __init__(
        self, pool: Pool, signer: Signer, timeout_s: float, workload: Workload, read_each: float, write_each: float
    ) -> None:
        """Count from 0.

        Args:
            pool: of open connections.
            signer: of the requests.
            timeout_s: seconds that a request may take.
            workload: whose keys the requests hold.
            read_each: read units that a key consumes which is read.
            write_each: write units that a key consumes which is deleted, those of the secondary indexes included.
        """
        super().__init__(pool, signer, timeout_s)
        # Starts every key in a request.
        self._marker = b"{%b:" % encode(workload.key_name)
        self._read_each = read_each
        self._write_each = write_each
        self.read_units = 0.0
        self.write_units = 0.0
        self.uncertain_read_units = 0.0
        self.uncertain_write_units = 0.0

    async def _exchange(self, target: str, body: bytes) -> tuple[int, bytes, bool]:
        keys = body.count(self._marker)
        read, write = (keys * self._read_each, 0.0) if target.endswith("GetItem") else (0.0, keys * self._write_each)
        self.read_units += read
        self.write_units += write
        self.uncertain_read_units += read
        self.uncertain_write_units += write
        status, response, intact = await super()._exchange(target, body)
        if status == 200 and intact and _is_success(response):
            self._settle(read, write)
        elif response == NEVER_SENT or (status and intact and classify(status, response).kind in FREE):
            self._settle(read, write)
            self.read_units -= read
            self.write_units -= write
        return status, response, intact

    def _settle(self, read: float, write: float) -> None:
        self.uncertain_read_units -= read
        self.uncertain_write_units -= write


def _is_success(response: bytes) -> bool:
    try:
        read_success(response)
    except InvalidAnswer:
        return False
    return True
