"""The floor: a bare Litestar proxy over the same client, server and database driver as Lockstitch.

`python -m benchmarks.proxy PORT UPSTREAM_URL DATABASE_URL`. `/read/{id}` passes a contact on. `/write` commits one
insert, creates at the vendor, commits another. `/write?read_back=1` also reads the new record, because HubSpot answers
a create with a part of it only. `/intake` commits one insert of the body.
"""

import re
import sys
from typing import Any, Final, Literal

import asyncpg
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, Request, Response, get, post

from app.egress.transport import Wire
from app.wiring.runtime import POOL_SIZE
from mappings.http import VendorRequest
from mappings.hubspot.endpoints import CONTACT_CALLS
from mappings.hubspot.wire_v3 import Account

TABLE: Final = "CREATE TABLE IF NOT EXISTS floor (id bigserial PRIMARY KEY, body bytea NOT NULL)"
INSERT: Final = "INSERT INTO floor (body) VALUES ($1)"
CONTACTS: Final = "/crm/v3/objects/contacts"
HEADERS: Final = [
    ("Accept", "application/json"),
    ("Accept-Encoding", "gzip"),
    ("Content-Type", "application/json"),
    ("Authorization", "Bearer not-a-secret"),
]
# The same properties as in Lockstitch's read.
READ: Final = CONTACT_CALLS.read("1", Account())
_ID = re.compile(rb'"id":"(\d+)"')


def application(wire: Wire, pool: "asyncpg.Pool[asyncpg.Record]", upstream: str) -> Litestar:
    """Return the three routes."""

    async def ask(method: Literal["GET", "POST"], path: str, body: bytes | None = None) -> bytes:
        query = READ.query if method == "GET" else ()
        request = VendorRequest(method=method, path=path, route=path, query=query, body=body)
        return (await wire.exchange(upstream, request, HEADERS, seconds=10.0, limit=1 << 24)).body

    @get("/read/{contact:str}")
    async def read(contact: str) -> Response[bytes]:
        return Response(await ask("GET", f"{CONTACTS}/{contact}"), media_type="application/json")

    @post("/write")
    async def write(request: Request[Any, Any, Any]) -> Response[bytes]:
        body = await request.body()
        await pool.execute(INSERT, body)
        answer = await ask("POST", CONTACTS, body)
        made = _ID.search(answer)
        assert made is not None
        if request.query_params.get("read_back"):
            answer = await ask("GET", f"{CONTACTS}/{made[1].decode()}")
        await pool.execute(INSERT, answer)
        return Response(answer, media_type="application/json", status_code=201)

    @post("/intake", status_code=202)
    async def intake(request: Request[Any, Any, Any]) -> Response[bytes]:
        await pool.execute(INSERT, await request.body())
        return Response(b'{"accepted":1,"duplicates":0}', media_type="application/json", status_code=202)

    return Litestar(route_handlers=[read, write, intake], openapi_config=None, logging_config=None)


async def _serve(port: int, upstream: str, database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=POOL_SIZE) as pool:
        await pool.execute(TABLE)
        app = application(Wire(), pool, upstream)
        server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False)
        await server.serve()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
