"""`lockstitch dev` as its users meet it: one process that starts everything, and ends everything however it ends."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.dev.supervisor import run_dev
from app.errors import Complaint
from app.settings.environment import load_settings
from tests.closing import async_closing
from tests.contract.processes import NO_TLS
from tests.open_folder import open_folder
from tests.ports import free_port

PATIENCE = 60.0
NAMES = ("postgres", "emulators", "serve", "worker")
OWN_SECRET = "the-operators-own"


class Dev:
    """A supervisor in a folder and on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.api, self.worker, self.emulators = free_port(), free_port(), free_port()
        self.output = folder / "output"
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start it and do not wait."""
        ours = {
            "LOCKSTITCH_DATA_DIR": str(self.folder / "data"),
            "LOCKSTITCH_PORT": str(self.api),
            "LOCKSTITCH_WORKER_PORT": str(self.worker),
            "LOCKSTITCH_EMULATORS_PORT": str(self.emulators),
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
        with self.output.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "dev"],
                env={**inherited, **ours, **environment},
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        return self._process

    def start(self, **environment: str) -> dict[str, Any]:
        """Start it and wait until it announces itself; what it announces."""
        before = self._announced_at()
        process = self.begin(**environment)
        _wait_for(lambda: self._announced_at() not in (None, before) or process.poll() is not None, self.output)
        assert process.poll() is None, self.output.read_text()
        return json.loads(self.announcement.read_bytes())

    def running(self) -> dict[str, Any]:
        """What it announced; starts it unless it runs."""
        if self._process is None or self._process.poll() is not None:
            return self.start(LOCKSTITCH_DEV_SHOPIFY_WEBHOOK_SECRET=OWN_SECRET)
        return json.loads(self.announcement.read_bytes())

    def ask(self, *command: str) -> Any:
        """Run a command beside it, in the same folder; the JSON that it prints."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
        printed = subprocess.run(
            [sys.executable, "-m", "app.cli", *command],
            env={**inherited, "LOCKSTITCH_DATA_DIR": str(self.folder / "data")},
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
        return json.loads(printed.stdout)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(PATIENCE)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def announcement(self) -> Path:
        return self.folder / "data" / "dev.json"

    def _announced_at(self) -> int | None:
        """When; a killed supervisor leaves its announcement behind, and that one is not meant."""
        try:
            return self.announcement.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def children(self) -> dict[str, int]:
        """The process ids of what the supervisor runs, by name."""
        pids = {}
        for pid in _children_of(self.pid):
            command = _command_of(pid).split("\0")
            for name in NAMES:
                if any(part == name or part.endswith(f"/{name}") for part in command[:5]):
                    pids[name] = pid
        return pids

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()


@pytest.fixture
def dev() -> Iterator[Dev]:
    """One that does not run yet."""
    yield from _made()


@pytest.fixture(scope="module")
def kept() -> Iterator[Dev]:
    """One for several tests: each start takes five seconds of CPU. `running` starts it again for the next test."""
    yield from _made()


def _made() -> Iterator[Dev]:
    folder = open_folder("lockstitch-dev-")
    running = Dev(folder)
    yield running
    running.close()
    shutil.rmtree(folder)


def test_it_announces_itself(kept: Dev) -> None:
    facts = kept.running()

    assert facts["api"] == f"http://127.0.0.1:{kept.api}"
    assert facts["emulators"] == f"http://127.0.0.1:{kept.emulators}"
    assert kept.announcement.stat().st_mode & 0o777 == 0o600
    assert set(kept.children()) == set(NAMES)
    for name, url in (("api", "/health/ready"), ("emulators", "/_emulator/health")):
        assert httpx.get(facts[name] + url).status_code == 200
    scopes = asyncio.run(_scopes(facts["database_url"]))
    assert {scope for scope in scopes["dev-ops"] if scope.startswith("ops:")} == {"ops:read", "ops:write"}
    assert scopes["dev"] == {scope for scope in scopes["dev-ops"] if not scope.startswith("ops:")}
    assert f"curl -i {facts['api']}/v1/customers" in kept.output.read_text()
    mappings = kept.ask("mapping", "show", "hubspot.customer", "--json")
    assert [route["connection"] for route in mappings["routes"]] == ["hubspot"]


def test_the_doctor_finds_nothing_wrong(kept: Dev) -> None:
    kept.running()

    report = kept.ask("doctor", "--json")

    assert report["findings"] == []
    assert "connection hubspot: the vendor answers and accepts the credential" in report["passed"]


def test_commands_beside_it_read_its_secrets(kept: Dev) -> None:
    kept.running()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        kept.ask("connect", "hubspot")
    assert (refused.value.returncode, b"has no grant" in refused.value.stderr) == (3, True)


def test_every_connection_that_takes_webhooks_has_a_secret_and_the_emulators_sign_with_it(kept: Dev) -> None:
    facts = kept.running()

    secrets = facts["webhook_secrets"]
    assert set(secrets) == {"freshdesk", "hubspot", "shopify", "stripe", "woocommerce", "zendesk", "gateway"}
    assert len(set(secrets.values())) == len(secrets)
    assert secrets["shopify"] == OWN_SECRET
    assert secrets["gateway"].startswith("whsec_")
    stored = kept.folder / "data/webhook-secrets.json"
    assert stored.stat().st_mode & 0o777 == 0o600
    settings = load_settings(
        {
            "LOCKSTITCH_CONFIG": str(kept.folder / "data/lockstitch.toml"),
            "LOCKSTITCH_DATA_DIR": str(kept.folder / "data"),
            "LOCKSTITCH_PORT": str(kept.api),
        }
    )
    secrets_of = {name: [one.secret for one in it.webhook_secrets] for name, it in settings.connections.items()}
    assert (secrets_of.pop("salesforce"), secrets_of.pop("legacy")) == ([], [])  # they send no webhooks
    assert secrets_of == {name: [f"env:LOCKSTITCH_DEV_{name.upper()}_WEBHOOK_SECRET"] for name in secrets}
    targets = httpx.get(f"{facts['emulators']}/_emulator/webhooks").json()
    assert {one["vendor"]: one["url"] for one in targets} == {
        name: f"{facts['api']}/v1/webhooks/{name}"
        for name in ("freshdesk", "hubspot", "shopify", "stripe", "woocommerce", "zendesk")
    }
    commands = [_command_of(pid) for pid in _descendants_of(kept.pid)]
    assert any("emulators" in command for command in commands)
    assert not any(secret in command for command in commands for secret in secrets.values())


def test_one_that_runs_takes_an_export_and_refuses_a_second_one_on_its_folder(kept: Dev) -> None:
    facts = kept.running()
    content = "Customer No,Name,E-mail,State,Since\n1,Ines Vidal,ines@example.com,A,2026-05-01\n2,Tom,at,A,2026-05-02\n"
    export = kept.folder / "customers.csv"
    export.write_text(content)

    upload = kept.ask("uploads", "send", str(export), "--connection", "legacy", "--follow", "--json")

    assert (upload["rows"], upload["settled"], upload["refused"], upload["state"]) == (2, 1, 1, "done")
    again = httpx.post(
        f"{facts['api']}/v1/uploads/legacy",
        content=content,
        headers={
            "authorization": f"Bearer {facts['key']}",
            "content-type": "text/csv",
            "idempotency-key": "by-hand",
        },
    )
    assert (again.status_code, again.json()["duplicates"]) == (202, 2), again.text

    second = Dev(kept.folder)
    second.output = kept.folder / "second"
    assert second.begin().wait(PATIENCE) == 1
    assert "Another `lockstitch dev` is using" in second.output.read_text()
    assert kept.announcement.exists()


def test_a_killed_child_is_started_again(kept: Dev) -> None:
    facts = kept.running()

    for name in NAMES:
        # A child that lost the database with the one before may be starting again.
        _wait_for(lambda: name in kept.children(), kept.output)  # noqa: B023 - called in this turn
        before = kept.children()[name]
        os.kill(before, signal.SIGKILL)
        _wait_for(partial(_is_replaced, kept, name, before), kept.output)

    _wait_for(lambda: _answers(facts["api"] + "/health/ready"), kept.output)
    _wait_for(lambda: _answers(facts["emulators"] + "/_emulator/health"), kept.output)
    assert "postgres was killed by SIGKILL; restarting in" in kept.output.read_text()
    assert kept.stop(signal.SIGTERM) == 0


def test_a_killed_supervisor_leaves_nothing_behind_and_the_next_one_carries_on(kept: Dev) -> None:
    facts = kept.running()
    asyncio.run(_execute(facts["database_url"], "CREATE TABLE remembered AS SELECT 42 AS answer"))
    everything = _descendants_of(kept.pid)

    kept.stop(signal.SIGKILL)

    _wait_for(lambda: not [pid for pid in everything if _is_alive(pid)], kept.output)
    assert kept.announcement.exists()  # nobody was left to take it away
    again = kept.running()
    assert again == facts
    assert asyncio.run(_fetch_value(again["database_url"], "SELECT answer FROM remembered")) == 42


def test_it_ends_cleanly_and_the_next_start_repairs_keys_and_keeps_secrets(kept: Dev) -> None:
    facts = kept.running()
    asyncio.run(_execute(facts["database_url"], "DELETE FROM api_key WHERE name = 'dev-ops'"))
    asyncio.run(_execute(facts["database_url"], "UPDATE api_key SET revoked_at = now() WHERE name = 'dev'"))
    everything = _descendants_of(kept.pid)
    assert len(everything) > len(NAMES)

    assert kept.stop(signal.SIGINT) == 0

    assert not [pid for pid in everything if _is_alive(pid)]
    assert not kept.announcement.exists()
    assert "database system is shut down" in (kept.folder / "data/logs/postgres.log").read_text()

    again = kept.start()

    secrets = again["webhook_secrets"]
    assert {**secrets, "shopify": OWN_SECRET} == facts["webhook_secrets"]
    assert secrets["shopify"] != OWN_SECRET
    assert again["ops_key"] == facts["ops_key"]
    assert again["key"] != facts["key"]
    assert set(asyncio.run(_scopes(again["database_url"]))) == {"dev", "dev-ops"}


def test_a_given_database_is_used_and_none_is_started(dev: Dev, empty_database_url: str) -> None:
    facts = dev.start(LOCKSTITCH_DATABASE_URL=empty_database_url)

    assert facts["database_url"] == empty_database_url
    assert set(dev.children()) == set(NAMES) - {"postgres"}
    assert not (dev.folder / "data/postgres").exists()


def test_a_taken_port_is_refused_with_the_name_of_its_variable(dev: Dev) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", dev.worker))
        squatter.listen()

        assert dev.begin().wait(PATIENCE) == 1

    assert f"Port {dev.worker} is in use" in dev.output.read_text()
    assert "LOCKSTITCH_WORKER_PORT" in dev.output.read_text()


def test_without_its_extra_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphql", None)
    with pytest.raises(Complaint, match=r"lockstitch\[local\]"):
        run_dev({})


def test_a_bad_setting_is_refused_before_anything_starts(dev: Dev) -> None:
    assert dev.begin(LOCKSTITCH_LOG_LEVEL="loud").wait(PATIENCE) == 1

    assert dev.output.read_text().startswith("LOCKSTITCH_LOG_LEVEL is 'loud'")
    assert not (dev.folder / "data").exists()


def _wait_for(condition: Callable[[], bool], output: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.02)


def _is_replaced(dev: Dev, name: str, before: int) -> bool:
    return dev.children().get(name, before) != before


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, verify=NO_TLS).status_code == 200
    except httpx.TransportError:
        return False


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the command's name: state, parent …; empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command_of(pid: int) -> str:
    """The command line, its words separated by NUL; empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _is_alive(pid: int) -> bool:
    return bool(fields := _stat(pid)) and fields[0] != "Z"


def _children_of(parent: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if (fields := _stat(pid)) and fields[0] != "Z" and int(fields[1]) == parent]


def _descendants_of(parent: int) -> list[int]:
    return [pid for child in _children_of(parent) for pid in (child, *_descendants_of(child))]


async def _execute(url: str, statement: str) -> None:
    async with async_closing(asyncpg.connect(url)) as connection:
        await connection.execute(statement)


async def _fetch_value(url: str, query: str) -> object:
    async with async_closing(asyncpg.connect(url)) as connection:
        return await connection.fetchval(query)


async def _scopes(url: str) -> dict[str, set[str]]:
    """What each valid key may do, by its name."""
    async with async_closing(asyncpg.connect(url)) as connection:
        rows = await connection.fetch("SELECT name, scopes FROM api_key WHERE revoked_at IS NULL")
        return {row["name"]: set(row["scopes"]) for row in rows}
