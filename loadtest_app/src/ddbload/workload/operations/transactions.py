# SPDX-License-Identifier: Apache-2.0
"""TransactWriteItems and TransactGetItems: all or nothing.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

import hashlib

from ddbload.dynamo.responses.capacity import Consumed, units
from ddbload.dynamo.responses.documents import object_of, objects_of, read_success, unexpected
from ddbload.dynamo.sign import API
from ddbload.workload.operations.base import KeyChoice, Workload, condition_expression, encode
from ddbload.workload.operations.batches import ManyWrites, Writes
from ddbload.workload.operations.reads import Read


def token_of(run_id: str) -> bytes:
    """Return how ClientRequestToken starts; the operation's number follows it.

    A request that is sent again within ten minutes is the same transaction to DynamoDB.
    """
    return hashlib.sha256(run_id.encode()).hexdigest()[:20].encode()


class TransactWriteItems(ManyWrites):
    """Puts ``count`` new items in one transaction."""

    target = f"{API}.TransactWriteItems"

    def __init__(self, workload: Workload, count: int, condition: str) -> None:
        super().__init__(workload, count)
        self._capacity = workload.common()["ReturnConsumedCapacity"].encode()
        more = b""
        if condition != "none":
            names = encode({"#key": workload.key_name})
            expression = encode(condition_expression(condition))
            more = b',"ConditionExpression":%b,"ExpressionAttributeNames":%b' % (expression, names)
        self._before = b'{"Put":{"TableName":%b%b,"Item":' % (encode(workload.table), more)
        self._token = token_of(workload.run_id)

    def prepare(self, number: int) -> tuple[bytes, Writes] | None:
        """Return the request of operation ``number``."""
        indexes = self.indexes(number)
        item = self._workload.items.json
        puts = b",".join(b"%b%b}}" % (self._before, item(index, number)) for index in indexes)
        head = b'{"ReturnConsumedCapacity":"%b","ClientRequestToken":"%b-%d","TransactItems":[' % (
            self._capacity,
            self._token,
            number,
        )
        return b"%b%b]}" % (head, puts), (indexes, number)

    def succeeded(self, work: Writes, body: bytes) -> Consumed:
        """Note that all items were written."""
        indexes, number = work
        read, write, by_index = units(read_success(body), writes=True)
        for index in indexes:
            self._acknowledged(index, number)
        return Consumed(read, write, 0, len(indexes), 0, by_index)


class TransactGetItems(Read):
    """Reads ``count`` chosen keys in one transaction."""

    target = f"{API}.TransactGetItems"

    def __init__(self, workload: Workload, choice: KeyChoice, count: int) -> None:
        super().__init__(workload)
        self._choice = choice
        self._count = count
        self._capacity = workload.common()["ReturnConsumedCapacity"].encode()
        self._before = b'{"Get":{"TableName":%b,"Key":{' % encode(workload.table)

    def prepare(self, number: int) -> tuple[bytes, int] | None:
        """Return the request of operation ``number``."""
        keys = [self._workload.keys.json(index).encode() for index in self._choice.indexes(number, self._count)]
        gets = b",".join(b"%b%b}}}" % (self._before, key) for key in keys)
        return b'{"ReturnConsumedCapacity":"%b","TransactItems":[%b]}' % (self._capacity, gets), len(keys)

    def succeeded(self, requested: int, body: bytes) -> Consumed:
        """Read the consumed units and the count of found items."""
        document = read_success(body)
        responses = objects_of(document.get("Responses"), "Responses")
        if len(responses) != requested:
            raise unexpected("Responses")
        found = sum(bool(object_of(response, "Item")) for response in responses)
        read, write, by_index = units(document, writes=False)
        return Consumed(read, write, found, requested, 0, by_index)
