"""Measure the pages of the console: `python -m benchmarks.console [ROWS]`, 1,000,000 by default.

It fills every table that a page reads with ROWS rows (`benchmarks.console_fill`, with the history of
`benchmarks.growth`), and then asks for each page, search, filter and next page over HTTP, one after the other. An
element that refreshes itself asks for its whole page.
"""

import re
import sys
import time
from html import unescape
from statistics import median
from typing import Final
from urllib.parse import quote

import aiohttp
import uvloop

from benchmarks.console_fill import ADDRESS, WIDE, fill, id_of
from benchmarks.growth import ROWS, SETTINGS
from benchmarks.stage import Stage, set_up

TARGET: Final = 200.0
ROUNDS: Final = 20
WARM_UP: Final = 3
_TOKEN: Final = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
_OLDER: Final = re.compile(r'href="([^"]+)">Older<')

SETTLED, UNKNOWN, LETTER = 11, 10, 2
"""Numbers of rows that pages show."""


def pages(rows: int) -> dict[str, str]:
    """Return the path of each page, by title."""
    operation, canonical = id_of("op", SETTLED, rows), "cus_c4ca4238a0b923820dcc509a6f75849b"
    runs, letters, changes = "/console/runs?", "/console/dead-letters?", "/console/changes?"
    return {
        "Now": "/console",
        "Runs": runs,
        "Runs of a state": f"{runs}state=unknown",
        "Runs, discarded": f"{runs}state=discarded",
        "Runs of a connection": f"{runs}connection=hubspot",
        "Runs of a key without failures": f"{runs}key=bench",
        "Runs of an object without failures": f"{runs}object=ticket",
        "Runs by e-mail address": f"{runs}find={ADDRESS}",
        "Runs by an unknown order number": f"{runs}find=%234711",
        "Runs by record": f"{runs}find=hubspot:{SETTLED}",
        "Runs by canonical id": f"{runs}find={canonical}",
        "Runs by operation": f"{runs}find={operation}",
        "Run": f"/console/run?id=run-{SETTLED}",
        f"Run of {rows // 100:,} steps": f"/console/run?id={WIDE}",
        "Dead letters": letters,
        "Dead letters, redriven": f"{letters}state=redriven",
        "Dead letters, all": f"{letters}state=all",
        "Dead letters of a connection": f"{letters}connection=hubspot",
        "Dead letters of an unknown connection": f"{letters}connection=nowhere",
        "Dead letters of a kind": f"{letters}kind=deliver",
        "Dead letters of an unknown kind": f"{letters}kind=nothing",
        "Dead letters of an empty category": f"{letters}category=poison",
        "Dead letters of a rare code": f"{letters}reason=rare",
        "Dead letters of a rare path": f"{letters}path={quote('$.rare')}",
        "Dead letters of an unknown path": f"{letters}path=x",
        "Dead letters that do not match": f"{letters}state=discarded&kind=deliver&path=x",
        "Dead letter": f"/console/dead-letters/{id_of('dl', LETTER, rows)}",
        "Redrive": f"/console/redrives/{id_of('rdv', 1, rows)}",
        "Undecided writes": "/console/writes?",
        "Undecided write": f"/console/writes/{id_of('op', UNKNOWN, rows)}",
        "Connections": "/console/connections",
        "Connection": "/console/connections/hubspot",
        "Subscribers": "/console/subscribers?",
        "Subscriber": "/console/subscribers/sub_4",
        "Changes": changes,
        "Changes of a kind": f"{changes}type=connection.*",
        "Changes of a type": f"{changes}type=job.redriven",
        "Changes, everything": f"{changes}type=*",
        "Changes by a key": f"{changes}actor=flow-7",
        "Changes by an unknown key": f"{changes}actor=nobody",
        "Changes, everything by an unknown key": f"{changes}type=*&actor=nobody",
        "Changes of a type by an unknown key": f"{changes}type=job.redriven&actor=nobody",
        "Changes of a record": f"{changes}record=job_{SETTLED}",
        "Changes of a run": f"{changes}correlation_id=run-{SETTLED}",
        "Changes since a time": f"{changes}since=2999-01-01T00:00:00Z",
        "Coverage": "/console/coverage/customer?from=hubspot&to=shop",
    }


def measure(rows: int = ROWS) -> None:
    """Print the figures, in about ten minutes."""
    print(f"Pages of the console with {rows:,} rows in each table that they read, in ms")
    scopes = ("ops:read", "ops:write")
    with set_up(SETTINGS, scopes=scopes, prepare=lambda url: _fill(url, rows)) as stage:
        uvloop.run(_measure(stage, rows))


def _fill(database_url: str, rows: int) -> None:
    began = time.perf_counter()
    uvloop.run(fill(database_url, rows))
    print(f"  filled in {time.perf_counter() - began:.0f} s")


async def _measure(stage: Stage, rows: int) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(stage.facade, cookie_jar=jar) as session:
        form = {"csrf": _TOKEN.findall(await _get(session, "/console/sign-in"))[0], "key": stage.key, "to": "/console"}
        async with session.post("/console/sign-in", data=form) as answer:
            answer.raise_for_status()
        for title, path in pages(rows).items():
            page = await _time(session, title, path)
            if path.endswith("?") and (older := _OLDER.search(page)):
                await _time(session, f"{title}, next page", unescape(older[1]))
        form = {"csrf": _TOKEN.findall(await _get(session, "/console"))[0], "rate": "20"}
        await _time(session, "Preview of a redrive of all", "/console/redrives", form)


async def _time(session: aiohttp.ClientSession, title: str, path: str, form: dict[str, str] | None = None) -> str:
    """Print how long a page takes. Return it."""
    waits, page = [], ""
    for _ in range(WARM_UP + ROUNDS):
        began = time.perf_counter()
        page = await _get(session, path, form)
        waits.append((time.perf_counter() - began) * 1000)
    waits = sorted(waits[WARM_UP:])
    late = waits[len(waits) * 95 // 100 - 1]
    verdict = "kept" if late <= TARGET else "MISSED"
    print(
        f"  {title:42} p50 {median(waits):7.1f}   p95 {late:7.1f}   target: at most {TARGET:g}, {verdict}", flush=True
    )
    return page


async def _get(session: aiohttp.ClientSession, path: str, form: dict[str, str] | None = None) -> str:
    async with session.request("GET" if form is None else "POST", path, data=form) as answer:
        page = await answer.text()
        assert answer.status in (200, 404), (path, answer.status, page)
        return page


if __name__ == "__main__":
    measure(*map(int, sys.argv[1:2]))
