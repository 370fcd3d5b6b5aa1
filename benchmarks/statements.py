"""Measure PostgreSQL's time for the statements of a create from its own log: bind and execute, without the commit."""

import re
from collections import defaultdict
from statistics import median, quantiles
from typing import Final

import aiohttp
import uvloop

from benchmarks.facade import WARM_UP, Caller
from benchmarks.stage import Stage, set_up

CREATES: Final = 600
TARGET: Final = 550.0
SETTINGS: Final = {"log_min_duration_statement": "0", "log_line_prefix": "%m [%p] "}

_ENTRY: Final = re.compile(
    r"^\S+ \S+ \S+ \[(\d+)\] LOG:  duration: ([\d.]+) ms  (parse|bind|execute) [^:]+: ", re.MULTILINE
)
_NEXT: Final = re.compile(r"^\d{4}-\d\d-\d\d ", re.MULTILINE)


def measure() -> None:
    """Print the median of each statement of a create, and their sum; and those of the fastest tenth, which other load
    affects less."""
    with set_up(SETTINGS) as stage:
        start = uvloop.run(_create(stage))
        spent = _durations(stage.log.read_bytes()[start:].decode())
    print(f"Create a contact, one at a time: PostgreSQL's time over {CREATES} creates")
    total = fastest = 0.0
    for statement, durations in spent.items():
        if len(durations) < CREATES:
            continue  # of the upkeep, not of a create
        middle, tenth, times = median(durations), quantiles(durations, n=10)[0], len(durations) / CREATES
        total, fastest = total + middle * times, fastest + tenth * times
        print(f"  {statement[:70]:72} {middle:7.0f} us, fastest tenth {tenth:.0f} us, {times:.1f} times")
    print(f"  {'altogether':72} {total:7.0f} us, fastest tenth {fastest:.0f} us   target: at most {TARGET:g}")


async def _create(stage: Stage) -> int:
    """Create contacts. Return where the log of the measured ones begins."""
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, stage)
        for _ in range(WARM_UP):
            await caller.write()
        start = stage.log.stat().st_size
        for _ in range(CREATES):
            await caller.write()
    return start


def _durations(log: str) -> dict[str, list[float]]:
    """Return the µs of each execution by statement, including PostgreSQL's preparation for it."""
    spent: dict[str, list[float]] = defaultdict(list)
    before: dict[str, float] = defaultdict(float)
    for entry in _ENTRY.finditer(log):
        backend, milliseconds, step = entry.groups()
        before[backend] += float(milliseconds) * 1000
        if step != "execute":
            continue
        end = _NEXT.search(log, entry.end())
        statement = " ".join(log[entry.end() : end.start() if end else None].split())
        spent[statement].append(before.pop(backend))
    return spent
