"""Commands that are declared over functions and Structs: their options, help, pages and refusals."""

import json
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import fields

from app.audit.models import AuditFilter
from app.dead_letters.decide import DiscardOrder
from app.dead_letters.models import DeadLetterFilter, RedriveFilter
from app.drift.models import DriftFilter
from canonical.schema import field_texts
from tests.commands import exits, lockstitch


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    """The environment of a database, without encryption keys."""
    return {"LOCKSTITCH_DATABASE_URL": database_url}


def read(*arguments: str, environment: dict[str, str]) -> Any:
    return json.loads(exits(lockstitch(*arguments, "--json", environment=environment)).stdout)


@pytest.mark.parametrize(
    ("command", "struct"),
    [
        (("audit", "list"), AuditFilter),
        (("dead-letters", "list"), DeadLetterFilter),
        (("dead-letters", "discard"), DiscardOrder),
        (("drift", "list"), DriftFilter),
        (("redrive", "start"), RedriveFilter),
    ],
)
def test_each_field_of_a_struct_is_an_option_with_its_text(command: tuple[str, ...], struct: type[Struct]) -> None:
    help_text = lockstitch(*command, "--help", columns=300).stdout

    for field in fields(struct):
        (line,) = (one for one in help_text.splitlines()[1:] if f" --{field.name.replace('_', '-')} " in one)
        assert field_texts(struct)[field.name].sentence.replace("`", "") in line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("dead-letters", "list", "--connection", ""), "--connection: must have at least 1 character."),
        (("redrive", "start", "--correlation-id", "x" * 256), "--correlation-id: must have at most 255 characters."),
        (("drift", "list", "--limit", "10001"), "--limit 10001: must be 1 to 10,000."),
        (("runs", "show", "run-1", "--limit", "0"), "--limit 0: must be 1 to 10,000."),
    ],
)
def test_a_refused_value_is_named_by_its_option(
    environment: dict[str, str], arguments: tuple[str, ...], complaint: str
) -> None:
    done = lockstitch(*arguments, environment=environment)

    assert (done.returncode, done.stderr) == (2, f"{complaint}\n")


def test_audit_events_are_paged_by_cursor_without_encryption_keys(environment: dict[str, str]) -> None:
    for name in ("one", "two", "three"):
        lockstitch("key", "create", name, "--scope", "orders:read", environment=environment)
    everything = read("audit", "list", "--type", "api_key.*", environment=environment)["data"]
    assert len(everything) == 3

    first = lockstitch("audit", "list", "--type", "api_key.*", "--limit", "2", environment=environment)
    cursor = str(everything[1]["id"])
    assert first.stderr == f"More: --cursor {cursor}\n"
    rest = read("audit", "list", "--type", "api_key.*", "--cursor", cursor, environment=environment)
    assert rest["data"] == everything[2:]


def test_keys_are_listed_as_json_without_their_secrets(environment: dict[str, str]) -> None:
    assert lockstitch("key", "list", environment=environment).stdout == "No keys.\n"
    secret = lockstitch("key", "create", "n8n", "--scope", "orders:read", environment=environment).stdout.strip()

    (key,) = read("key", "list", environment=environment)["data"]

    assert (key["name"], key["scopes"], key["state"]) == ("n8n", ["orders:read"], "valid")
    assert secret not in json.dumps(key)
    assert not key["needs_approval"]


def test_a_key_whose_writes_need_approval_is_listed_as_one(environment: dict[str, str]) -> None:
    create = ("key", "create", "agent", "--approval", "--scope", "orders:write")
    refused = lockstitch(*create, "--scope", "ops:write", environment=environment)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "ops:write" in refused.stderr
    assert lockstitch(*create, environment=environment).returncode == 0
    assert "writes need approval" in lockstitch("key", "list", environment=environment, columns=200).stdout
