"""Reads and writes through a real `lockstitch serve`, against a bare proxy over the same client, server and database.

One process calls both, in turns, so that what else the machine does meets both. The vendor behind them answers at
once: what is measured is Lockstitch. A create at HubSpot is two requests, because its answer is not the whole record;
the floor is shown with one request and with both.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final
from uuid import uuid4

import aiohttp
import uvloop

from benchmarks import figures
from benchmarks.stage import Stage, set_up

ROUNDS: Final = 15
SECONDS: Final = 0.7
AT_ONCE: Final = 8
WARM_UP: Final = 200
READ_TARGET: Final = 0.6
WRITE_TARGET: Final = 0.4

Call = Callable[[], Awaitable[None]]


def measure() -> None:
    """Print both comparisons."""
    with set_up() as stage:
        uvloop.run(_measure(stage))


async def _measure(stage: Stage) -> None:
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:
        caller = _Caller(session, stage)
        print(f"Read a contact, requests a second, {AT_ONCE} at once ({ROUNDS} rounds)")
        facade, floor = await _take_turns(caller.read, caller.read_floor)
        figures.raw("bare proxy (floor)", floor, "/s")
        figures.raw("Lockstitch", facade, "/s")
        figures.ratio("Lockstitch / floor", facade, floor, "at least", READ_TARGET)
        print(f"\nCreate a contact, requests a second, {AT_ONCE} at once ({ROUNDS} rounds)")
        facade, floor, whole = await _take_turns(caller.write, caller.write_floor, caller.write_floor_whole)
        figures.raw("bare proxy, two commits (floor)", floor, "/s")
        figures.raw("the same, and reads the record back", whole, "/s")
        figures.raw("Lockstitch", facade, "/s")
        figures.ratio("Lockstitch / floor", facade, floor, "at least", WRITE_TARGET)
        figures.ratio("Lockstitch / floor that reads back", facade, whole, "at least", WRITE_TARGET)
        print()


class _Caller:
    """The four requests; each one's answer is read whole, and anything but a success ends the measurement."""

    def __init__(self, session: aiohttp.ClientSession, stage: Stage) -> None:
        self._session = session
        self._stage = stage
        self._key = {"Authorization": f"Bearer {stage.key}"}
        self._run, self._number = uuid4().hex, count()

    async def read(self) -> None:
        url = f"{self._stage.facade}/v1/customers/hubspot:734931000017"
        await self._done("GET", url, 200, headers=self._key)

    async def read_floor(self) -> None:
        await self._done("GET", f"{self._stage.floor}/read/734931000017", 200, headers=self._key)

    async def write(self) -> None:
        number = next(self._number)
        headers = self._key | {"Content-Type": "application/json", "Idempotency-Key": f"{self._run}-{number}"}
        await self._done("POST", f"{self._stage.facade}/v1/customers", 201, headers=headers, data=_body(number))

    async def write_floor(self) -> None:
        await self._write_floor("")

    async def write_floor_whole(self) -> None:
        await self._write_floor("?read_back=1")

    async def _write_floor(self, query: str) -> None:
        headers = self._key | {"Content-Type": "application/json"}
        body = _body(next(self._number))
        await self._done("POST", f"{self._stage.floor}/write{query}", 201, headers=headers, data=body)

    async def _done(
        self, method: str, url: str, status: int, *, headers: dict[str, str], data: bytes | None = None
    ) -> None:
        async with self._session.request(method, url, headers=headers, data=data) as response:
            body = await response.read()
            if response.status != status:
                raise RuntimeError(f"{method} {url}: {response.status} {body[:500]!r}")


def _body(number: int) -> bytes:
    return (
        b'{"first_name":"Livia","last_name":"Keller","emails":[{"address":"livia.%d@faden.example","is_primary":true}],'
        b'"phones":[{"e164":"+41445550199","type":"unknown"}],"job_title":"Head of Seams"}' % number
    )


async def _take_turns(*calls: Call) -> list[list[float]]:
    """Requests a second of each contender, round by round."""
    for call in calls:
        await _repeat(call, until=None)
    rounds: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, figures_of_call in zip(calls, rounds, strict=True):
            began = time.perf_counter()
            done = await _repeat(call, until=began + SECONDS)
            figures_of_call.append(done / (time.perf_counter() - began))
    return rounds


async def _repeat(call: Call, until: float | None) -> int:
    """Call again and again, AT_ONCE at once, until that time or WARM_UP times; how often."""
    done = 0

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < until if until is not None else done < WARM_UP:
            await call()
            done += 1

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    return done
