"""The command line: help and mistakes answer at once, keys are shown once, and every refusal is a sentence."""

import asyncio
import json
import os
import re
import subprocess
import sys
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from asyncpg.exceptions import CheckViolationError

from app.cli.database import needing_database
from app.errors import Complaint
from tests.closing import async_closing
from tests.commands import ROOT, exits, lockstitch
from tests.encryption import ENCRYPTION_KEYS


@pytest.fixture
def migrated(empty_database_url: str) -> dict[str, str]:
    """The environment of a database that `lockstitch migrate` has just made ready."""
    environment = {"LOCKSTITCH_DATABASE_URL": empty_database_url}
    done = exits(lockstitch("migrate", environment=environment))
    assert "0001 schema" in done.stdout
    return environment


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("frobnicate",), "frobnicate"),
        (("key", "create"), "NAME"),
        (("key", "create", "n8n"), "scope"),
        (
            ("key", "create", "n8n", "--scope", "orders:read", "--expires-in-days", "-1"),
            "--expires-in-days -1: must be 1",
        ),
        (("key", "create", "n8n", "--scope", "orders:read", "--expires-in-days", "9" * 12), "must be 1 to 36500"),
        (("key", "rotate", "n8n", "--overlap-hours", "soon"), "soon"),
        (("key", "rotate", "n8n", "--overlap-hours", "-5"), "--overlap-hours -5: must be 0"),
        (("key", "rotate", "n8n", "--overlap-hours", "nan"), "--overlap-hours nan: must be 0"),
        (("migrate", "--twice"), "--twice"),
    ],
)
def test_a_mistake_in_the_command_line_ends_with_2(arguments: tuple[str, ...], message: str) -> None:
    done = exits(lockstitch(*arguments), 2)
    assert message.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_a_refused_query_is_reported_without_the_row() -> None:
    refused = CheckViolationError('new row for relation "api_key" violates check constraint "api_key_check"')
    refused.detail = "Failing row contains (key_7, a-digest)."
    with pytest.raises(Complaint, match="api_key_check") as complaint, needing_database():
        raise refused
    assert "a-digest" not in str(complaint.value)


def test_a_key_is_printed_alone_and_once(migrated: dict[str, str]) -> None:
    made = lockstitch("key", "create", "n8n", "--scope", "orders:read", "--scope", "orders:write", environment=migrated)

    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"lsk_dev_[A-Za-z0-9_-]{43}\n", made.stdout)
    listed = lockstitch("key", "list", columns=200, environment=migrated).stdout
    assert "n8n" in listed
    assert "orders:read orders:write" in listed
    assert made.stdout.strip() not in listed


def test_a_key_is_rotated_and_revoked_by_name(migrated: dict[str, str]) -> None:
    lockstitch("key", "create", "n8n", "--scope", "orders:read", "--expires-in-days", "30", environment=migrated)

    rotated = lockstitch("key", "rotate", "n8n", "--overlap-hours", "1", environment=migrated)

    assert rotated.stdout.startswith("lsk_")
    assert "overlapping" in lockstitch("key", "list", columns=200, environment=migrated).stdout
    assert lockstitch("key", "revoke", "n8n", environment=migrated).stdout == "2 keys revoked.\n"
    assert lockstitch("key", "revoke", "n8n", environment=migrated).returncode == 1


def test_a_second_migration_finds_nothing_to_do(migrated: dict[str, str]) -> None:
    assert lockstitch("migrate", environment=migrated).stdout == "The database is up to date.\n"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"LOCKSTITCH_PORT": "http"}, "LOCKSTITCH_PORT is 'http'"),
        ({"LOCKSTITCH_DATA_DIR": "/does/not/exist"}, "LOCKSTITCH_DATABASE_URL is not set"),
        ({"LOCKSTITCH_DATABASE_URL": "postgresql://lockstitch@127.0.0.1:1/lockstitch"}, "database"),
    ],
)
@pytest.mark.parametrize("arguments", [("migrate", "--wait", "0"), ("key", "list")])
def test_what_cannot_be_done_ends_with_1_and_a_sentence(
    arguments: tuple[str, ...], environment: dict[str, str], sentence: str
) -> None:
    done = exits(lockstitch(*arguments, environment=environment), 1)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_process_without_its_database_ends_with_a_sentence(command: str) -> None:
    done = lockstitch(
        command,
        environment={
            "LOCKSTITCH_DATABASE_URL": "postgresql://lockstitch@127.0.0.1:1/lockstitch",
            "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        },
    )
    assert done.returncode == 1
    assert done.stderr == "The database does not answer. Is the database of LOCKSTITCH_DATABASE_URL running?\n"


def test_migrate_waits_for_a_database_that_is_not_there_yet(empty_database_url: str) -> None:
    allow_connections(empty_database_url, allowed=False)
    with subprocess.Popen(
        [sys.executable, "-m", "app.cli", "migrate"],
        env=os.environ | {"LOCKSTITCH_DATABASE_URL": empty_database_url},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "Trying again" in process.stderr.readline()
        allow_connections(empty_database_url, allowed=True)
        output, complained = process.communicate(timeout=60)

    assert process.returncode == 0, complained
    assert output.endswith("The database is up to date.\n")


@pytest.mark.parametrize(
    ("rights", "sentence"),
    [("USAGE", "permission denied for schema public"), ("", "no schema has been selected to create in")],
)
def test_a_role_without_rights_is_named(empty_database_url: str, rights: str, sentence: str) -> None:
    role = f"limited_{uuid4().hex}"
    administer(empty_database_url, f"CREATE ROLE {role}", "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    if rights:
        administer(empty_database_url, f"GRANT {rights} ON SCHEMA public TO {role}")
    environment = {"LOCKSTITCH_DATABASE_URL": f"{empty_database_url}&role={role}"}

    done = exits(lockstitch("migrate", "--wait", "0", environment=environment), 1)

    administer(empty_database_url, f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert done.stderr.startswith(f"The database refused a query: {sentence}. ")
    assert "GRANT USAGE, CREATE ON SCHEMA" in done.stderr
    assert "Did you run `lockstitch migrate`?" not in done.stderr


def test_doctor_names_the_role_without_rights(migrated: dict[str, str]) -> None:
    url, role = migrated["LOCKSTITCH_DATABASE_URL"], f"limited_{uuid4().hex}"
    administer(url, f"CREATE ROLE {role}")

    done = lockstitch("doctor", "--json", environment={"LOCKSTITCH_DATABASE_URL": f"{url}&role={role}"})

    administer(url, f"DROP ROLE {role}")
    (finding,) = [one for one in json.loads(done.stdout)["findings"] if one["about"] == "database"]
    assert "lacks rights" in finding["found"]
    assert "Start PostgreSQL" not in finding["mend"]


def administer(url: str, *statements: str) -> None:
    """Run statements as the owner of the server."""

    async def execute() -> None:
        async with async_closing(asyncpg.connect(url)) as connection:
            for statement in statements:
                await connection.execute(statement)

    asyncio.run(execute())


def allow_connections(url: str, *, allowed: bool) -> None:
    parts = urlsplit(url)
    alter = f"ALTER DATABASE {parts.path.lstrip('/')} WITH ALLOW_CONNECTIONS {str(allowed).lower()}"
    administer(parts._replace(path="/template1").geturl(), alter)


def test_a_database_that_was_never_migrated_is_said_to_be_one(empty_database_url: str) -> None:
    done = exits(lockstitch("key", "list", environment={"LOCKSTITCH_DATABASE_URL": empty_database_url}), 1)
    assert "lockstitch migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_ends_the_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert run_into(writing, "coverage") == (141, "")


@pytest.mark.parametrize("argument", ["coverage", "--help"])
def test_a_full_disk_is_a_sentence(argument: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    assert run_into(full, argument) == (1, "The output is incomplete: No space left on device.\n")


def run_into(output: int, argument: str) -> tuple[int, str]:
    """Run `lockstitch` with this standard output, which is closed. Return its exit code and its standard error."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", argument],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(output)
    return done.returncode, done.stderr
