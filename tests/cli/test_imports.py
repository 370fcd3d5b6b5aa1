"""What the command line imports: modules are counted, because time depends on the machine."""

import asyncio
import importlib
import json
import os
import re
import subprocess
import sys
from typing import Any, Final

import pytest

from app import VERSION
from app.cli import COMMANDS, EXAMPLES, build_app
from app.queue.models import JobFailure, NewJob
from mappings.registry import CALLED
from tests.commands import ROOT
from tests.dead_letters import bury
from tests.encryption import ENCRYPTION_KEYS

HEAVY: Final = ("litestar", "granian", "httpx", "aiohttp", "rich", "phonenumbers", "babel", "email_validator")
UNNEEDED: Final = (
    *("importlib.metadata", "app.capabilities", "app.wiring.operators", "app.records.fetch", "app.api_keys.store"),
)
"""What no query about connections needs."""
QUERIES: Final = (
    ("connections", "list"),
    ("status",),
    ("audit", "list"),
    ("backfill", "status"),
    ("consumers", "list"),
    ("dead-letters", "list"),
    ("drift", "list"),
    ("key", "list"),
    ("key", "usage"),
    ("links", "review"),
    ("operations", "list"),
    ("approvals", "list"),
    ("queue",),
    ("receipts",),
    ("events", "tail", "--once"),
    ("runs", "list", "--failed", "--since", "1h"),
    ("reconcile", "list"),
    ("redrive", "status"),
    ("secrets", "list"),
    ("uploads", "list"),
    ("mapping", "list"),  # last, for it shows every mapping
)
RUN: Final = """
import json, sys
from app.cli import main
loaded = {}
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, (arguments, ended.code)
    loaded[" ".join(arguments)] = sorted(sys.modules)
print("\\n" + json.dumps(loaded))
"""


WATCH_TRANSACTIONS: Final = """
import contextlib, sys
from app.postgres.database import Session
opened = Session.transaction
@contextlib.asynccontextmanager
async def watched(self):
    async with opened(self) as transaction:
        before = set(sys.modules)
        yield transaction
        print("in a transaction:", sorted(name for name in {*sys.modules} - before if name.startswith("app.")))
Session.transaction = watched
"""
"""Prints what is imported within a transaction."""
JOB: Final = NewJob(kind="work", payload=b"{}", connection="hubspot", order_key="customer:1")


def run(
    *commands: tuple[str, ...], environment: dict[str, str] | None = None, before: str = ""
) -> tuple[str, dict[str, list[str]]]:
    """Run commands in one process. Return what they print, and the modules that are there after each."""
    done = subprocess.run(
        [sys.executable, "-c", before + RUN, json.dumps(commands)],
        env=os.environ | (environment or {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed, _, loaded = done.stdout.rstrip().rpartition("\n")
    modules: dict[str, list[str]] = json.loads(loaded)
    return printed, modules


def test_help_and_version_import_no_library() -> None:
    printed, loaded = run(("--help",), (), ("--version",))

    for modules in loaded.values():
        assert not {"cyclopts", "msgspec", "asyncpg", "opentelemetry", *HEAVY} & set(modules)
    assert printed.rstrip().endswith(VERSION)
    for group, commands in COMMANDS.items():
        assert f"\n{group}:\n" in printed
        assert all(f"\n  {name} " in printed for name in commands)
    assert max(map(len, printed.splitlines())) <= 90


def test_queries_import_no_server_and_no_mapping(database_url: str) -> None:
    environment = {"LOCKSTITCH_DATABASE_URL": database_url, "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS}

    _, loaded = run(*QUERIES, environment=environment)

    assert len(loaded) == len(QUERIES)
    for command in ("connections list", "status"):  # the first ones
        assert sorted(set(UNNEEDED) & set(loaded[command])) == [], command
    for command, modules in loaded.items():
        vendors = () if command == "mapping list" else [f"mappings.{name}" for name in CALLED]
        assert sorted({*HEAVY, *vendors} & set(modules)) == [], command


def test_a_change_imports_nothing_in_its_transaction(database_url: str) -> None:
    """An import takes a second of CPU, in which the webhooks of the record would wait."""
    environment = {"LOCKSTITCH_DATABASE_URL": database_url, "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS}
    letter = asyncio.run(bury(database_url, JOB, failure=JobFailure(category="transient", reason="timeout")))[0]
    erasure = ("person", "erase", "--email", "ann@example.com", "--confirm")
    for change in (("dead-letters", "redrive", letter), erasure, ("redrive", "start", "--all")):
        printed, _ = run(change, environment=environment, before=WATCH_TRANSACTIONS)
        assert set(re.findall(r"in a transaction: (.*)", printed)) == {"[]"}, change


def test_what_serves_imports_nothing_to_draw_with() -> None:
    program = "import sys, app.api, app.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"click", "pygments", "rich"} & set(done.stdout.split())


def test_doctor_and_the_parent_of_several_workers_import_no_server() -> None:
    program = "import sys, app.cli.worker, app.cli.doctor; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"app.worker", "app.wiring.runtime", "litestar", "granian"} & set(done.stdout.split())


def test_every_command_is_where_the_help_says() -> None:
    for commands in COMMANDS.values():
        for place, _ in commands.values():
            module, name = place.split(":")
            assert hasattr(importlib.import_module(f"app.cli.{module}"), name)


@pytest.mark.parametrize("example", [line.split("  ")[1] for line in EXAMPLES.splitlines()[1:-1]])
def test_the_examples_of_the_help_parse(example: str) -> None:
    parsed: Any = build_app().parse_args(example.split()[1:], exit_on_error=False, print_error=False)

    assert parsed[0] is not None
