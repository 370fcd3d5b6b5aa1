"""The command line: help and mistakes answer at once, keys are shown once, and every refusal is a sentence."""

import re
import subprocess
import sys

import pytest

from tests.commands import lockstitch


@pytest.fixture
def migrated(empty_database_url: str) -> dict[str, str]:
    """The environment of a database that `lockstitch migrate` has just made ready."""
    environment = {"LOCKSTITCH_DATABASE_URL": empty_database_url}
    done = lockstitch("migrate", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "0001 schema" in done.stdout
    return environment


def test_help_names_the_commands_and_imports_none_of_them() -> None:
    program = "import sys, app.cli; app.cli.app(['--help']); sys.exit('asyncpg' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    for command in ("dev", "serve", "worker", "migrate", "key"):
        assert f" {command} " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("frobnicate",), "frobnicate"),
        (("key", "create"), "NAME"),
        (("key", "create", "n8n"), "scope"),
        (("key", "rotate", "n8n", "--overlap-hours", "soon"), "soon"),
        (("migrate", "--twice"), "--twice"),
    ],
)
def test_a_mistake_in_the_command_line_ends_with_2(arguments: tuple[str, ...], said: str) -> None:
    done = lockstitch(*arguments)

    assert done.returncode == 2
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_a_key_is_printed_alone_and_once(migrated: dict[str, str]) -> None:
    made = lockstitch("key", "create", "n8n", "--scope", "orders:read", "--scope", "orders:write", environment=migrated)

    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"lsk_[A-Za-z0-9_-]{43}\n", made.stdout)
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
    ("environment", "said"),
    [
        ({"LOCKSTITCH_PORT": "http"}, "LOCKSTITCH_PORT is 'http'"),
        ({"LOCKSTITCH_DATA_DIR": "/does/not/exist"}, "LOCKSTITCH_DATABASE_URL is not set"),
        ({"LOCKSTITCH_DATABASE_URL": "postgresql://lockstitch@127.0.0.1:1/lockstitch"}, "database"),
    ],
)
@pytest.mark.parametrize("arguments", [("migrate",), ("key", "list")])
def test_what_cannot_be_done_ends_with_1_and_a_sentence(
    arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    done = lockstitch(*arguments, environment=environment)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_was_never_migrated_is_said_to_be_one(empty_database_url: str) -> None:
    done = lockstitch("key", "list", environment={"LOCKSTITCH_DATABASE_URL": empty_database_url})

    assert done.returncode == 1
    assert "lockstitch migrate" in done.stderr
    assert "Traceback" not in done.stderr
