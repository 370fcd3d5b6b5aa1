"""The floor of the road: a bare worker behind `/intake` of `benchmarks.proxy`.

`python -m benchmarks.bare_road DATABASE_URL TARGET_URL [VENDOR VENDOR_URL RECORD_ID]`. It claims 16 rows at a time,
posts each with a signature over kept connections, and updates it: no audit, no order, no retries. With a vendor it
reads a record before each post, with the same request as Lockstitch, and posts it too.
"""

import asyncio
import hashlib
import hmac
import sys
import time
from typing import Final

import aiohttp
import asyncpg
import uvloop

from app.dev.folder import EMULATOR_CREDENTIALS
from app.egress.transport import Wire
from benchmarks.proxy import TABLE
from benchmarks.road_webhooks import KEY, VARIANTS

AT_ONCE: Final = 16
CLAIMERS: Final = 2
IDLE_SECONDS: Final = 0.005
STATE: Final = "ALTER TABLE floor ADD COLUMN IF NOT EXISTS state integer NOT NULL DEFAULT 0"
INDEX: Final = "CREATE INDEX IF NOT EXISTS floor_waiting ON floor (id) WHERE state = 0"
CLAIM: Final = f"""
    UPDATE floor SET state = 1
     WHERE id IN (SELECT id FROM floor WHERE state = 0 ORDER BY id LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED)
    RETURNING id, body
"""  # noqa: S608 - no caller's text is in it
DONE: Final = "UPDATE floor SET state = 2 WHERE id = $1"
HEADERS: Final = [
    ("Accept", "application/json"),
    ("Accept-Encoding", "gzip"),
    ("Content-Type", "application/json"),
    ("Authorization", f"Bearer {EMULATOR_CREDENTIALS['LOCKSTITCH_DEV_HUBSPOT_TOKEN']}"),
    ("X-Shopify-Access-Token", EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_SHOPIFY_TOKEN"]),
]


class _Worker:
    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", session: aiohttp.ClientSession, target: str, vendor: list[str]
    ) -> None:
        self._pool = pool
        self._session = session
        self._target = target
        self._vendor = vendor
        self._wire = Wire()

    async def run(self) -> None:
        while True:
            rows = await self._pool.fetch(CLAIM)
            await asyncio.gather(*(self._deliver(row["id"], row["body"]) for row in rows))
            if not rows:
                await asyncio.sleep(IDLE_SECONDS)

    async def _deliver(self, row: int, body: bytes) -> None:
        if self._vendor:
            body = b'{"webhook":%b,"record":%b}' % (body, await self._record())
        id, at = f"evt_{row}", str(int(time.time()))
        signature = hmac.digest(KEY, b"%b.%b.%b" % (id.encode(), at.encode(), body), hashlib.sha256)
        headers = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": f"v1,{signature.hex()}"}
        async with self._session.post(self._target, data=body, headers=headers) as response:
            await response.read()
            assert response.status == 200, response.status
        await self._pool.execute(DONE, row)

    async def _record(self) -> bytes:
        vendor, url, record = self._vendor
        emulated = VARIANTS[vendor].emulated
        assert emulated is not None
        reply = await self._wire.exchange(url, emulated.read(record), HEADERS, seconds=10.0, limit=1 << 24)
        assert reply.status == 200, reply.body[:500]
        return reply.body


async def _serve(database_url: str, target: str, vendor: list[str]) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=AT_ONCE) as pool:
        for statement in (TABLE, STATE, INDEX):
            await pool.execute(statement)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            worker = _Worker(pool, session, target, vendor)
            await asyncio.gather(*(worker.run() for _ in range(CLAIMERS)))


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], sys.argv[2], sys.argv[3:]))
