"""Measure webhooks through a real `lockstitch serve`, against a bare Litestar handler that commits one insert of the
body.

Every webhook is new and signed. Lockstitch verifies it, and commits a receipt and a job, both sealed, with an audit
event for each; the floor commits the bytes. A gateway's webhooks belong to no record; a shop's are ordered by record,
which takes a lock for each.

A steady stream follows, for the time that a sender waits. It starts when the webhook was due, so a server that falls
behind cannot hide it. The last part is the cost of drift detection.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from itertools import count
from typing import Final
from uuid import uuid4

import aiohttp
import uvloop

from benchmarks import drift, figures
from benchmarks.facade import ROUNDS, SECONDS, Contender, compare
from benchmarks.stage import SHOPIFY_SECRET, WEBHOOK_SECRET, Stage, set_up

TARGET: Final = 0.6
AT_ONCE: Final = (8, 32)
STREAM_RATE: Final = 300
STREAM_SECONDS: Final = 10
STREAM_ROUNDS: Final = 3
P99_TARGET: Final = 100.0
KEY: Final = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))


def measure() -> None:
    """Print both parts."""
    with set_up() as stage:
        uvloop.run(_measure(stage))


async def _measure(stage: Stage) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        sender = _Sender(session, stage)
        for at_once in AT_ONCE:
            print(f"Take a webhook, {at_once} at once ({ROUNDS} rounds of {SECONDS} s)")
            floor = Contender("bare handler, one commit (floor)", sender.send_floor, stage.floor_process)
            in_order = Contender("Lockstitch", sender.send_in_order, stage.facade_process)
            taken = await compare(
                Contender("Lockstitch", sender.send, stage.facade_process), TARGET, floor, at_once=at_once
            )
            print(f"Take a webhook of a record, {at_once} at once ({ROUNDS} rounds of {SECONDS} s)")
            await compare(in_order, TARGET, floor, at_once=at_once)
        print(f"A stream of {STREAM_RATE} webhooks a second, {STREAM_ROUNDS} times {STREAM_SECONDS} s: the wait in ms")
        middles, slowest = [], []
        for _ in range(STREAM_ROUNDS):
            waits = await _stream(sender)
            middles.append(waits[len(waits) // 2])
            slowest.append(waits[len(waits) * 99 // 100])
        figures.raw("half of them, at most", middles, "ms")
        figures.raw("99 of 100, at most", slowest, "ms")
        figures.ratio("99 of 100, to 100 ms", slowest, [P99_TARGET] * STREAM_ROUNDS, "at most", 1.0)
        print()
        await drift.measure(taken.cpu)


class _Sender:
    """Return new webhooks for either side. Any failure ends the measurement."""

    def __init__(self, session: aiohttp.ClientSession, stage: Stage) -> None:
        self._session = session
        self._stage = stage
        self._number = count(10**9)

    async def send_in_order(self) -> None:
        body = b'{"id":%d,"total_price":"129.90","currency":"EUR"}' % next(self._number)
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": "orders/updated",
            "X-Shopify-Webhook-Id": str(uuid4()),
            "X-Shopify-Shop-Domain": "garn.example",
            "X-Shopify-Hmac-Sha256": base64.b64encode(
                hmac.digest(SHOPIFY_SECRET.encode(), body, hashlib.sha256)
            ).decode(),
        }
        await self._posted(f"{self._stage.facade}/v1/webhooks/shop", headers, body)

    async def send(self) -> None:
        await self._sent(f"{self._stage.facade}/v1/webhooks/gateway")

    async def send_floor(self) -> None:
        await self._sent(f"{self._stage.floor}/intake")

    async def _sent(self, url: str) -> None:
        id, at = f"msg_{uuid4().hex}", str(int(time.time()))
        body = b'{"type":"invoice.paid","data":{"id":"%b","total":"129.90","currency":"EUR"}}' % id.encode()
        signature = hmac.digest(KEY, b"%b.%b.%b" % (id.encode(), at.encode(), body), hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(signature).decode(),
        }
        await self._posted(url, headers, body)

    async def _posted(self, url: str, headers: dict[str, str], body: bytes) -> None:
        async with self._session.post(url, headers=headers, data=body) as response:
            answer = await response.read()
            if response.status != 202:
                raise RuntimeError(f"{url}: {response.status} {answer[:500]!r}")


async def _stream(sender: _Sender) -> list[float]:
    """Return the milliseconds that each webhook of the stream waited for its answer, sorted."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def one(number: int) -> float:
        due = began + number / STREAM_RATE
        await asyncio.sleep(due - loop.time())
        await sender.send()
        return (loop.time() - due) * 1000

    waits = await asyncio.gather(*(one(number) for number in range(STREAM_RATE * STREAM_SECONDS)))
    return sorted(waits)


if __name__ == "__main__":
    measure()
