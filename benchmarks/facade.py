"""Measure reads and writes through a real `lockstitch serve`, against a bare proxy over the same client, server and
database.

One process calls both in turns, so other load on the machine affects both. The vendor behind them answers at once, so
only Lockstitch is measured. A create at HubSpot is two requests, because its answer is not the whole record; the floor
is shown with one request and with both.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final, NamedTuple
from uuid import uuid4

import aiohttp
import uvloop

from benchmarks import figures
from benchmarks.stage import Stage, cpu_seconds, set_up

ROUNDS: Final = 15
SECONDS: Final = 0.7
AT_ONCE: Final = 8
WARM_UP: Final = 200
READ_TARGET: Final = 0.6
WRITE_TARGET: Final = 0.4

Call = Callable[[], Awaitable[None]]


class Contender(NamedTuple):
    """A repeated request, and the process that answers it."""

    title: str
    call: Call
    process: int


class Result(NamedTuple):
    """Requests a second in each round, and µs of the answering process's CPU for each request over all rounds."""

    rates: list[float]
    cpu: float | None


def measure() -> None:
    """Print both comparisons."""
    with set_up() as stage:
        uvloop.run(_measure(stage))


async def _measure(stage: Stage) -> None:
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:
        caller = Caller(session, stage)
        read = Contender("Lockstitch", caller.read, stage.facade_process)
        floor = Contender("bare proxy (floor)", caller.read_floor, stage.floor_process)
        print(f"Read a contact, {AT_ONCE} at once ({ROUNDS} rounds of {SECONDS} s)")
        await compare(read, READ_TARGET, floor)
        write = Contender("Lockstitch", caller.write, stage.facade_process)
        once = Contender("bare proxy, two commits (floor)", caller.write_floor, stage.floor_process)
        whole = Contender("the same, and reads the record back", caller.write_floor_whole, stage.floor_process)
        print(f"Create a contact, {AT_ONCE} at once ({ROUNDS} rounds of {SECONDS} s)")
        await compare(write, WRITE_TARGET, once, whole)


async def compare(measured: Contender, target: float, *floors: Contender, at_once: int = AT_ONCE) -> Result:
    """Print rates and their ratios, then CPU and its ratios, which vary far less on a busy machine. Return the
    measurements."""
    ours, *others = await _take_turns(at_once, measured, *floors)
    for contender, result in zip((*floors, measured), (*others, ours), strict=True):
        figures.raw(contender.title, result.rates, "/s")
    for contender, result in zip(floors, others, strict=True):
        figures.ratio(f"Lockstitch / {contender.title}", ours.rates, result.rates, "at least", target)
    if ours.cpu is not None:
        print(f"  {'CPU of the serving process: Lockstitch':52} {ours.cpu:9.0f} us/request")
    for contender, result in zip(floors, others, strict=True):
        if ours.cpu and result.cpu:
            print(f"  {contender.title:52} {result.cpu:9.0f} us/request, {result.cpu / ours.cpu:.2f} of Lockstitch's")
    print()
    return ours


class Caller:
    """Return the four requests. Each answer is read whole; any failure ends the measurement."""

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


async def _take_turns(at_once: int, *contenders: Contender) -> list[Result]:
    """Measure every contender in each round."""
    for contender in contenders:
        await _repeat(contender.call, at_once, until=None)
    rates: list[list[float]] = [[] for _ in contenders]
    spent, done = [0.0] * len(contenders), [0] * len(contenders)
    for _ in range(ROUNDS):
        for place, contender in enumerate(contenders):
            cpu, began = cpu_seconds(contender.process), time.perf_counter()
            count_of_round = await _repeat(contender.call, at_once, until=began + SECONDS)
            rates[place].append(count_of_round / (time.perf_counter() - began))
            done[place] += count_of_round
            spent[place] += (cpu_seconds(contender.process) or 0.0) - (cpu or 0.0)
    return [
        Result(of_rounds, seconds / number * 1e6 if seconds else None)
        for of_rounds, seconds, number in zip(rates, spent, done, strict=True)
    ]


async def _repeat(call: Call, at_once: int, until: float | None) -> int:
    """Repeat a call with this concurrency until a time, or WARM_UP times. Return the number of calls."""
    done = 0

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < until if until is not None else done < WARM_UP:
            await call()
            done += 1

    await asyncio.gather(*(lane() for _ in range(at_once)))
    return done
