# SPDX-License-Identifier: Apache-2.0
"""What a run does not wait for: a response beyond its timeout, and a connection to a table that is gone."""

from __future__ import annotations

from ddbload.dynamo.pool import Pool
from ddbload.dynamo.responses.errors import Outcome
from ddbload.engine.load import call_of

# Each check reads all connections, so a timeout may come this much late.
CHECK_INTERVAL_NS = 50_000_000
# Without any connection for this long the table is gone.
GONE_AFTER_NS = 30_000_000_000


class Deadlines:
    """Checks the connections of a pool. Instants are nanoseconds of ``perf_counter_ns``.

    Attributes:
        timeout_ns: how long a request may take.
        next_check_ns: when to call ``check`` again.
    """

    def __init__(self, pool: Pool, timeout_s: float) -> None:
        self.timeout_ns = round(timeout_s * 1e9)
        self.next_check_ns = 0
        self._pool = pool

    def check(self, now_ns: int) -> Outcome | None:
        """Abort the requests beyond their timeout; return the error that ends the run, if the table is gone."""
        self.next_check_ns = now_ns + CHECK_INTERVAL_NS
        for connection in list(self._pool.live):
            if connection.busy:
                _operation, _record, _work, _planned_ns, sent_ns, _attempts = call_of(connection)
                if now_ns - sent_ns > self.timeout_ns:
                    connection.abort("Timeout")
        if self._pool.live or now_ns - self._pool.last_live_ns <= GONE_AFTER_NS:
            return None
        return Outcome("network", "ConnectionsLost", f"no connection for {GONE_AFTER_NS // 10**9} s")
