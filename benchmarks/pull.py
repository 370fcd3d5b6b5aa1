"""Measure a pull of records that have not changed: `python -m benchmarks.pull [RECORDS] …`, 10,000 and 100,000 by
default.

A real `lockstitch worker` reads them from a fixed vendor and finds each state equal. The states are filled by COPY. The
floor is a bare loop on the same vendor and PostgreSQL: a request with httpx, a page decoded with msgspec, and one
INSERT. Both read one page after the other.
"""

import asyncio
import base64
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import asyncpg
import httpx
import msgspec
import uvloop
from msgspec import Raw, Struct

from app.postgres.embedded import EmbeddedPostgres
from app.postgres.migrate import migrate
from app.records.deps import RecordDeps
from app.records.fetch import fetch_page
from app.records.known_records import digests_of
from app.settings.environment import load_settings
from app.wiring.runtime import open_runtime
from benchmarks import figures
from benchmarks.road_stage import RoadStage, first_process
from benchmarks.stage import free_port, running
from benchmarks.upstream import FIRST_CHANGE, changed_contact
from mappings.endpoints import ListQuery
from mappings.registry import VENDORS, active

SIZES: Final = (10_000, 100_000)
ROUNDS: Final = 3
PAGE: Final = 100
TARGET: Final = 0.47
FLAT_AT_MOST: Final = 1.5
CPU_AT_MOST: Final = 60.0
"""Seconds for 100,000 records."""
PATIENCE: Final = 1800.0
HUBSPOT: Final = VENDORS["hubspot"]
MAPPING: Final = next(one for one in HUBSPOT.mappings if one is active(HUBSPOT, "customer"))
START: Final = datetime.fromtimestamp(FIRST_CHANGE / 1000, UTC)
EPOCH: Final = datetime.fromtimestamp(0, UTC)
OVERLAP: Final = timedelta(minutes=5)
STATE: Final = ("object", "connection", "remote_id", "data", "read_at", "digest", "source")
# Due now, from the first change on.
DUE: Final = """
    INSERT INTO watermark (connection, object, watermark, started_at, completed_at, tried_at)
    VALUES ('crm', 'customer', $1, $2, $2, $2)
        ON CONFLICT (connection, object) DO UPDATE SET watermark = $1, completed_at = $2, tried_at = $2
"""
COMPLETED: Final = """
    SELECT extract(epoch FROM completed_at - started_at)::float8 FROM watermark WHERE completed_at > $1
"""
RUNS: Final = "SELECT DISTINCT facts FROM audit_event WHERE type = 'walk.completed'"
FLOOR_TABLE: Final = "CREATE TABLE floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)"


class _Stage(NamedTuple):
    vendor: str
    database_url: str
    processes: dict[str, int]


class _Costs(NamedTuple):
    """What a record costs, for each round: `time` in seconds, and `over` in those that it costs the bare loop. Other
    work on the machine moves the time most and the CPU least."""

    time: Sequence[float]
    over: Sequence[float]
    cpu: Sequence[float]


class _Page(Struct):
    results: list[Raw]
    paging: Any = None


def measure(sizes: Sequence[int] = SIZES) -> None:
    """Print the figures of each size."""
    costs: list[_Costs] = []
    for records in sizes:
        print(f"A pull of {records:,} records that have not changed, {PAGE} a page")
        with _set_up(records) as stage:
            costs.append(uvloop.run(_measure(stage, records)))
        print()
    if len(costs) > 1:
        between = f"per record, {sizes[-1]:,} records to {sizes[0]:,}"
        figures.ratio(f"time {between}", costs[-1].time, costs[0].time, "at most", FLAT_AT_MOST)
        figures.ratio(f"time over the bare loop's {between}", costs[-1].over, costs[0].over, "at most", FLAT_AT_MOST)
        figures.ratio(f"CPU {between}", costs[-1].cpu, costs[0].cpu, "at most", FLAT_AT_MOST)


async def _measure(stage: _Stage, records: int) -> _Costs:
    connection = await asyncpg.connect(stage.database_url)
    try:
        await connection.execute(FLOOR_TABLE)
        await _pull(connection)  # account facts, prepared statements, caches
        floor, ours, loop, spent = list[float](), list[float](), list[float](), list[dict[str, float]]()
        for _ in range(ROUNDS):
            began = time.process_time()
            floor.append(records / await _bare_loop(connection, stage.vendor))
            loop.append((time.process_time() - began) / records * 100_000)
            before = RoadStage.cpu(stage.processes)
            ours.append(records / await _pull(connection))
            spent.append({name: at - before[name] for name, at in RoadStage.cpu(stage.processes).items()})
        for run in await connection.fetch(RUNS):
            facts = msgspec.json.decode(run["facts"])
            assert (facts["records"], facts["changed"], facts["unreadable"]) == (records, 0, 0), facts
    finally:
        await connection.close()
    figures.raw("bare loop (floor)", floor, "/s")
    figures.raw("Lockstitch", ours, "/s")
    figures.ratio("Lockstitch / bare loop", ours, floor, "at least", TARGET)
    figures.raw("bare loop (floor), CPU of 100,000 records", loop, "s")
    for name in stage.processes:
        seconds = [one[name] / records * 100_000 for one in spent]
        figures.raw(f"Lockstitch, CPU of 100,000 records, {name}", seconds, "s")
    cpu = [sum(one.values()) / records * 100_000 for one in spent]
    middle = median(cpu)
    kept = "kept" if middle <= CPU_AT_MOST else "MISSED"
    print(f"  {'Lockstitch, CPU of 100,000 records':52} {middle:9.1f} s   target: at most {CPU_AT_MOST:g}, {kept}")
    over = [bare / rate for bare, rate in zip(floor, ours, strict=True)]
    return _Costs(time=[1 / rate for rate in ours], over=over, cpu=cpu)


async def _pull(connection: Any) -> float:
    """Let the worker pull, and return the seconds from the start of the run to its last commit."""
    await connection.execute(DUE, START + OVERLAP, EPOCH)
    give_up = time.monotonic() + PATIENCE
    while (seconds := await connection.fetchval(COMPLETED, EPOCH)) is None:
        assert time.monotonic() < give_up, "the pull does not end"
        await asyncio.sleep(0.05)
    return float(seconds)


async def _bare_loop(connection: Any, vendor: str) -> float:
    began, since, more = time.perf_counter(), FIRST_CHANGE, True
    decoder, records = msgspec.json.Decoder(_Page), msgspec.json.Decoder(MAPPING.record)
    async with httpx.AsyncClient(base_url=vendor) as client:
        while more:
            search = {"filterGroups": [{"filters": [_since(since)]}], "limit": PAGE}
            reply = await client.post("/crm/v3/objects/contacts/search", json=search)
            page = decoder.decode(reply.content)
            for record in page.results:
                records.decode(record)
            await connection.execute("INSERT INTO floor (body) VALUES ($1)", reply.content)
            since, more = since + PAGE * 1000, page.paging is not None
    return time.perf_counter() - began


def _since(since: int) -> dict[str, str]:
    return {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(since)}


@contextmanager
def _set_up(records: int) -> Iterator[_Stage]:
    folder = Path(tempfile.mkdtemp(prefix="lockstitch-bench-"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        url = stack.enter_context(EmbeddedPostgres(folder / "postgres").running(folder / "postgres.log"))
        asyncio.run(migrate(url))
        vendor, worker = free_port(), free_port()
        base = f"http://127.0.0.1:{vendor}"
        environment = _environment(folder, base, url, worker)
        upstream = [sys.executable, "-m", "benchmarks.upstream", str(vendor), str(records)]
        stack.enter_context(running(upstream, vendor))
        uvloop.run(_fill(url, environment, records))
        command = [sys.executable, "-m", "app.cli", "worker", "--processes", "1"]
        process = stack.enter_context(running(command, worker, environment))
        yield _Stage(base, url, {"worker": process, "postgres": first_process(url)})


def _environment(folder: Path, vendor: str, database_url: str, port: int) -> dict[str, str]:
    config = folder / "lockstitch.toml"
    config.write_text(
        f'[connections.crm]\nvendor = "hubspot"\nbase_url = "{vendor}"\ncredentials = {{ token = "env:TOKEN" }}\n'
        "pacing = { units = 1000000, per_seconds = 1, concurrency = 64 }\n"
        f'[pull]\nevery = "off"\n[connections.crm.pull.customers]\nevery = "1d"\npage = {PAGE}\n',
        encoding="utf-8",
    )
    return {
        "TOKEN": "not-a-secret",
        "LOCKSTITCH_CONFIG": str(config),
        "LOCKSTITCH_DATABASE_URL": database_url,
        "LOCKSTITCH_ENCRYPTION_KEYS": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "LOCKSTITCH_LOG_LEVEL": "error",
        "LOCKSTITCH_WORKER_PORT": str(port),
        "LOCKSTITCH_PROBE_PORT": "0",
    }


async def _fill(database_url: str, environment: dict[str, str], records: int) -> None:
    """Fill in the states, as an earlier pull has left them, and a run that has completed just now."""
    began, connection = time.perf_counter(), await asyncpg.connect(database_url)
    try:
        with patch.dict(os.environ, environment):
            async with open_runtime(load_settings(environment)) as runtime:
                rows = await _states(runtime.dependencies.of(RecordDeps), records)
        await connection.copy_records_to_table("record_state", records=rows, columns=STATE)
        await connection.execute("VACUUM (ANALYZE) record_state")
        now = datetime.now(UTC)
        await connection.execute(DUE, START + OVERLAP, now)
    finally:
        await connection.close()
    print(f"  {'states filled in':52} {time.perf_counter() - began:9.1f} s")


async def _states(deps: RecordDeps, records: int) -> list[tuple[Any, ...]]:
    """Return the states of all records, as mapped with the facts of the vendor's account."""
    crm, rows = deps.connections.by_name["crm"], list[tuple[Any, ...]]()
    query = ListQuery(limit=PAGE, updated_since=START)
    page = await fetch_page(deps, crm, MAPPING, query, time.monotonic() + PATIENCE)
    account = page.readings[0].account
    for first in range(0, records, PAGE):
        raws = [Raw(changed_contact(number)) for number in range(first, min(first + PAGE, records))]
        sources = await digests_of(deps, crm, MAPPING, raws, account)
        assert sources is not None
        for raw, source in zip(raws, sources, strict=True):
            mapped = MAPPING.read(raw, account)
            record = ("customer", "crm", mapped.remote.id)
            digest = await deps.states.digest(record, mapped.data, MAPPING.revision)
            rows.append((*record, b"Z" * 900, START, digest, source))
    return rows


if __name__ == "__main__":
    measure(tuple(map(int, sys.argv[1:])) or SIZES)
