"""A vendor that costs next to nothing: the part of HubSpot to read, list and create contacts, from fixed bytes.

`python -m benchmarks.upstream PORT [CONTACTS]`. Every create gets a new id, and a read answers with the requested id. A
list of changes has so many contacts, each with a second of its own.
"""

import asyncio
import re
import sys
from datetime import UTC, datetime
from itertools import count
from typing import Final, cast

import msgspec
import uvloop

from benchmarks.long_orders import FIXTURES

GOLDEN: Final = msgspec.json.decode((FIXTURES / "hubspot/fixtures/customer-full.in.json").read_bytes())
BEFORE, _rest = msgspec.json.encode(GOLDEN).split(GOLDEN["id"].encode(), 1)
BETWEEN, AFTER = _rest.split(GOLDEN["properties"]["email"].encode(), 1)
CHANGED_AT: Final = GOLDEN["updatedAt"].encode()
NOTHING: Final = b'{"results":[]}'
FIRST_CHANGE: Final = 1_750_000_000_000
FIRST_ID: Final = 100_000_000
CONTACTS: Final = int(sys.argv[2]) if len(sys.argv) > 2 and __name__ == "__main__" else 0

_CONTACT = re.compile(rb"GET /crm/v3/objects/contacts/(\d+)")
_CREATE = b"POST /crm/v3/objects/contacts HTTP"
_SEARCH = b"POST /crm/v3/objects/contacts/search "
_SINCE = re.compile(rb'"GTE","value":"(\d+)"')
_LIMIT = re.compile(rb'"limit":(\d+)')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ids = count(900_000_000_000)


class Upstream(asyncio.Protocol):
    """One connection. Requests come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start with nothing read."""
        self._transport = cast(asyncio.Transport, transport)
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            announced = _LENGTH.search(self._read, 0, end + 2)
            size = end + 4 + (int(announced[1]) if announced else 0)
            if len(self._read) < size:
                return
            self._transport.write(self.answer(self._read[:end], self._read[end + 4 : size]))
            self._read = self._read[size:]

    def answer(self, head: bytes, body: bytes) -> bytes:
        """Return the reply to a request."""
        if head.startswith(_SEARCH) and (since := _SINCE.search(body)) and (limit := _LIMIT.search(body)):
            return _reply(b"200 OK", page_of(int(since[1]), int(limit[1])))
        return _answer(head)


def page_of(since: int, limit: int) -> bytes:
    """Return the contacts that have changed since a time in epoch milliseconds."""
    first = max(0, -(-(since - FIRST_CHANGE) // 1000))
    some = range(first, min(first + limit, CONTACTS))
    following = b',"paging":{"next":{"after":"1"}}' if first + limit < CONTACTS else b""
    return b'{"total":%d,"results":[%b]%b}' % (CONTACTS, b",".join(map(changed_contact, some)), following)


def changed_contact(number: int) -> bytes:
    """Return a contact of a list of changes."""
    at = datetime.fromtimestamp(FIRST_CHANGE // 1000 + number, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return _contact(b"%d" % (FIRST_ID + number)).replace(CHANGED_AT, at.encode())


def _answer(head: bytes) -> bytes:
    if contact := _CONTACT.match(head):
        return _reply(b"200 OK", _contact(contact[1]))
    if head.startswith(_CREATE):
        return _reply(b"201 Created", _contact(b"%d" % next(_ids)))
    if head.startswith(b"POST /crm/v3/properties/") and b"/batch/" not in head:
        return _reply(b"201 Created", b"{}")
    return _reply(b"200 OK", NOTHING)


def _contact(id: bytes) -> bytes:
    """Return a contact. Each is another person with another address, because customers are matched by it."""
    return b"".join((BEFORE, id, BETWEEN, b"livia.", id, b"@faden.example", AFTER))


def _reply(status: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %b\r\ncontent-type: application/json;charset=utf-8\r\ncontent-length: %d\r\n\r\n"
        % (status, len(body))
    ) + body


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
