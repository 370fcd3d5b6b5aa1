"""The processes of the road: PostgreSQL, `lockstitch serve` and `worker`, the emulators, and the bare road."""

import asyncio
import base64
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import asyncpg

from app.dev.folder import EMULATOR_CREDENTIALS
from app.postgres.embedded import EmbeddedPostgres
from app.postgres.migrate import migrate
from benchmarks.road_webhooks import HUBSPOT_SECRET, Placed, Variant
from benchmarks.stage import SHOPIFY_SECRET, WEBHOOK_SECRET, cpu_seconds, free_port, make_key, running

PLACED_AT_ONCE = 16
IDLE_SECONDS = 10.5
POSTMASTER = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer"
COMMITTED = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


class RoadStage(NamedTuple):
    """URLs to send to, the port of deliveries, and the parent processes by name."""

    api: str
    floor: str
    emulators: str
    port: int
    database_url: str
    floor_database_url: str
    processes: dict[str, int]
    floor_processes: dict[str, int]

    @staticmethod
    def cpu(processes: dict[str, int]) -> dict[str, float]:
        """Return the CPU seconds of each process so far, with its children."""
        return {name: sum((cpu_seconds(one) or 0.0) for one in _family(process)) for name, process in processes.items()}

    @contextmanager
    def alone(self, processes: dict[str, int]) -> Iterator[None]:
        """Suspend the worker of the other contender within the block: the bare one polls, and Lockstitch's does its
        upkeep."""
        other = self.floor_processes if processes is self.processes else self.processes
        halted = _family(other["worker"])
        for one in halted:
            os.kill(one, signal.SIGSTOP)
        try:
            yield
        finally:
            for one in halted:
                os.kill(one, signal.SIGCONT)

    async def transactions(self, database_url: str) -> int:
        """Return the transactions committed so far. An active connection updates its count once a second, an idle one
        after IDLE_SECONDS."""
        await asyncio.sleep(1.1)
        connection = await asyncpg.connect(database_url)
        try:
            committed: int = await connection.fetchval(COMMITTED)
        finally:
            await connection.close()
        return committed


def cpu_so_far() -> tuple[float, float]:
    """Return the CPU seconds of the whole machine, and of the benchmark with all its processes."""
    own = {process for child in _family(os.getpid()) for process in _family(child)}
    fields = [int(one) for one in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    busy = sum(fields) - fields[3] - fields[4]  # proc_stat(5): idle and iowait
    return busy / os.sysconf("SC_CLK_TCK"), sum(cpu_seconds(process) or 0.0 for process in own)


def _family(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children")
    return [process, *map(int, children.read_text().split())] if children.exists() else [process]


@contextmanager
def set_up(
    variant: Variant,
    *,
    processes: int = 1,
    settings: Mapping[str, str] | None = None,
    prepare: Callable[[str], None] | None = None,
) -> Iterator[RoadStage]:
    """Start everything with durable commits, as in production; stop and remove it at the end. `settings` are
    PostgreSQL's. `prepare` gets the URL of the migrated database before anything uses it."""
    folder = Path(tempfile.mkdtemp(prefix="lockstitch-bench-"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        url = stack.enter_context(EmbeddedPostgres(folder / "postgres", settings).running(folder / "postgres.log"))
        asyncio.run(migrate(url))
        floor_url = asyncio.run(_add_database(url, "floor"))
        if prepare is not None:
            prepare(url)
        api, floor, subscriber, emulators = free_port(), free_port(), free_port(), free_port()
        vendors, target = f"http://127.0.0.1:{emulators}", f"http://127.0.0.1:{subscriber}/hook"
        python = sys.executable
        emulated = [python, "-m", "emulators", "--no-calls", "--port", str(emulators)]
        stack.enter_context(running(emulated, emulators))
        proxy = stack.enter_context(running([python, "-m", "benchmarks.proxy", str(floor), vendors, floor_url], floor))
        environment = _environment(folder, vendors, url, subscriber)
        serve = stack.enter_context(
            running([python, "-m", "app.cli", "serve"], api, environment | {"LOCKSTITCH_PORT": str(api)})
        )
        worker_port = free_port()
        work = [python, "-m", "app.cli", "worker", "--processes", str(processes)]
        worker = stack.enter_context(
            running(work, worker_port, environment | {"LOCKSTITCH_WORKER_PORT": str(worker_port)})
        )
        bare = [python, "-m", "benchmarks.bare_road", floor_url, target]
        if variant.emulated is not None:
            bare += [variant.emulated.vendor, f"{vendors}/{variant.emulated.vendor}", _first_record(vendors, variant)]
        bare_worker = stack.enter_context(running(bare, floor))
        asyncio.run(_subscribe(url, f"http://127.0.0.1:{api}", target, variant))
        postgres = first_process(url)
        yield RoadStage(
            api=f"http://127.0.0.1:{api}",
            floor=f"http://127.0.0.1:{floor}",
            emulators=vendors,
            port=subscriber,
            database_url=url,
            floor_database_url=floor_url,
            processes={"API": serve, "worker": worker, "postgres": postgres},
            floor_processes={"API": proxy, "worker": bare_worker, "postgres": postgres},
        )


def _environment(folder: Path, vendors: str, database_url: str, subscriber: int) -> dict[str, str]:
    config = folder / "lockstitch.toml"
    pacing = "pacing = { units = 1000000, per_seconds = 1, concurrency = 64 }"
    config.write_text(
        '[connections.gateway]\nvendor = "standard-webhooks"\nwebhook_secrets = ["env:WEBHOOK_SECRET"]\n'
        f'[connections.parcels]\nvendor = "shopify"\nwebhook_secrets = ["env:SHOPIFY_SECRET"]\n'
        f'[connections.shop]\nvendor = "shopify"\nbase_url = "{vendors}/shopify"\n{pacing}\n'
        'credentials = { token = "env:LOCKSTITCH_DEV_SHOPIFY_TOKEN" }\nwebhook_secrets = ["env:SHOPIFY_SECRET"]\n'
        f'[connections.crm]\nvendor = "hubspot"\nbase_url = "{vendors}/hubspot"\n{pacing}\n'
        'credentials = { token = "env:LOCKSTITCH_DEV_HUBSPOT_TOKEN" }\nwebhook_secrets = ["env:HUBSPOT_SECRET"]\n'
        '[pull]\nevery = "off"\n',
        encoding="utf-8",
    )
    return {
        **EMULATOR_CREDENTIALS,
        "SHOPIFY_SECRET": SHOPIFY_SECRET,
        "HUBSPOT_SECRET": HUBSPOT_SECRET,
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "LOCKSTITCH_CONFIG": str(config),
        "LOCKSTITCH_DATABASE_URL": database_url,
        "LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{subscriber}",
        "LOCKSTITCH_ENCRYPTION_KEYS": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "LOCKSTITCH_LOG_LEVEL": "error",
        "LOCKSTITCH_PROBE_PORT": "0",
        "LOCKSTITCH_RATE_LIMIT_PER_MINUTE": "0",
    }


async def _add_database(url: str, name: str) -> str:
    """Create a database whose transactions are counted separately. Return its URL."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def _subscribe(database_url: str, api: str, target: str, variant: Variant) -> None:
    scopes = sorted({"subscriptions:write", *variant.scopes})
    key = await make_key(database_url, *scopes)
    wanted = {"target_url": target, "events": list(variant.events), "connection": variant.connection}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.post(f"{api}/v1/subscriptions", json=wanted) as response,
    ):
        assert response.status == 201, await response.text()


def first_process(database_url: str) -> int:
    """Return the id of the first process of PostgreSQL, whose children are the others."""

    async def ask() -> int:
        connection = await asyncpg.connect(database_url)
        try:
            started: int = await connection.fetchval(POSTMASTER)
        finally:
            await connection.close()
        return started

    return asyncio.run(ask())


def _first_record(vendors: str, variant: Variant) -> str:
    async def place() -> str:
        async with aiohttp.ClientSession() as session:
            return str((await _place(session, vendors, variant, 0))["id"]).rpartition("/")[2]

    return asyncio.run(place())


async def place_records(stage: RoadStage, variant: Variant, numbers: int) -> Placed:
    """Place the record of each number in the emulator. Webhooks without a mapping have none."""
    placed: dict[int, dict[str, Any]] = {}
    if variant.emulated is None:
        return placed
    left = iter(range(1, numbers + 1))
    async with aiohttp.ClientSession() as session:

        async def one_after_the_other() -> None:
            for number in left:
                placed[number] = await _place(session, stage.emulators, variant, number)

        await asyncio.gather(*(one_after_the_other() for _ in range(PLACED_AT_ONCE)))
    return placed


async def _place(session: aiohttp.ClientSession, vendors: str, variant: Variant, number: int) -> dict[str, Any]:
    emulated = variant.emulated
    assert emulated is not None
    order = {"vendor": emulated.vendor, "object": emulated.object, "record": emulated.record(number)}
    async with session.post(f"{vendors}/_emulator/records", json=order) as response:
        placed: dict[str, Any] = await response.json()
        assert response.status == 201, placed
        return placed
