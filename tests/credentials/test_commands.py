"""`lockstitch secrets set | rotate | promote | rollback | revoke | list`, as somebody at a keyboard runs them."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.credentials.store import PostgresCredentials
from app.postgres.database import Database, Statement
from tests.commands import lockstitch
from tests.encryption import ENCRYPTION_KEYS, SEALER
from tests.vendors.vendor_server import Call, Reply, running_vendor

LISTED = Reply(body=b'{"results":[],"portalId":4711,"timeZone":"Europe/Berlin"}')
UNKNOWN = Reply(status=401, body=b'{"status":"error","message":"unknown token","category":"INVALID_AUTHENTICATION"}')
FORBIDDEN = Reply(status=403, body=b'{"status":"error","message":"scopes","category":"MISSING_SCOPES"}')


@dataclass
class Crm:
    """A vendor with these valid tokens, some of which may not read orders, and the commands of an operator."""

    environment: dict[str, str]
    valid: set[str] = field(default_factory=lambda: {"token-1", "token-2"})
    narrow: set[str] = field(default_factory=set)

    def answer(self, call: Call) -> Reply:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.valid:
            return UNKNOWN
        return FORBIDDEN if token in self.narrow and "/orders" in call.target else LISTED

    async def secrets(self, *arguments: str, value: str | None = None) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            lockstitch, "secrets", *arguments, environment=self.environment, columns=200, text=value
        )

    async def done(self, *arguments: str, value: str | None = None) -> str:
        result = await self.secrets(*arguments, value=value)
        assert result.returncode == 0, result.stderr
        return result.stdout

    async def listed(self) -> list[tuple[int, str]]:
        return [(each["version"], each["state"]) for each in json.loads(await self.done("list", "--json"))["data"]]


@asynccontextmanager
async def a_crm(database_url: str, folder: Path) -> AsyncIterator[Crm]:
    crm = Crm({"LOCKSTITCH_DATABASE_URL": database_url, "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS})
    async with running_vendor(crm.answer) as vendor:
        file = folder / "lockstitch.toml"
        file.write_text(
            f"""
            [connections.crm]
            vendor = "hubspot"
            base_url = "{vendor.url}"
            credentials = {{ token = "vault:crm_token" }}
            [connections.hooks]
            vendor = "github"
            webhook_secrets = ["vault:hook"]
            """
        )
        crm.environment["LOCKSTITCH_CONFIG"] = str(file)
        yield crm


def at_a_dead_port(file: Path) -> None:
    """Configure an address at which nobody listens."""
    lines = file.read_text().splitlines()
    file.write_text("\n".join('base_url = "http://127.0.0.1:9"' if "base_url" in line else line for line in lines))


def with_an_app(file: Path) -> None:
    """Configure the client of a grant in place of a static token."""
    app = '{ client_id = "env:APP", client_secret = "vault:app" }'
    file.write_text(file.read_text().replace('{ token = "vault:crm_token" }', app))


@pytest.fixture
async def crm(database_url: str, tmp_path: Path) -> AsyncIterator[Crm]:
    async with a_crm(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def store(database: Database) -> PostgresCredentials:
    return PostgresCredentials(database, SEALER)


async def test_a_secret_is_rotated_and_rolled_back(crm: Crm, store: PostgresCredentials) -> None:
    assert "version 1" in await crm.done("set", "crm_token", value="token-1\n")
    rotated = await crm.done("rotate", "crm_token", "--overlap", "2h", value="token-2\n")
    assert "proven at crm" in rotated
    assert await crm.listed() == [(1, "previous"), (2, "current")]
    await crm.done("rollback", "crm_token")
    assert await crm.listed() == [(1, "current"), (2, "next")]
    known = (await store.read())["crm_token"]
    assert known.current is not None
    assert known.current.payload == b"token-1"
    await crm.done("promote", "crm_token")
    assert await crm.listed() == [(1, "previous"), (2, "current")]


async def test_a_next_secret_is_not_revoked_silently(crm: Crm, store: PostgresCredentials) -> None:
    for number, value in enumerate((b"token-1", b"token-2", b"never tried"), 1):
        await store.set("crm_token", value)
        if number == 2:
            await store.promote("crm_token", 2, overlap=timedelta(days=1))
    replaced = "Version {}, which it replaces, is revoked."
    assert replaced.format(3) in await crm.done("set", "crm_token", value="token-2")
    assert replaced.format(4) in await crm.done("rollback", "crm_token")
    assert await crm.listed() == [(1, "current"), (2, "next"), (3, "revoked"), (4, "revoked")]


async def test_a_rollback_after_a_revocation_leaves_the_next_secret(crm: Crm, store: PostgresCredentials) -> None:
    await store.set("crm_token", b"token-1")
    await store.set("crm_token", b"token-2")
    await store.promote("crm_token", 2, overlap=timedelta(days=1))
    await store.set("crm_token", b"token-3")
    await store.revoke("crm_token", 2)
    assert await crm.done("rollback", "crm_token") == "Version 1 of crm_token is current again.\n"
    assert await crm.listed() == [(1, "current"), (2, "revoked"), (3, "next")]


async def test_a_secret_that_the_vendor_refuses_is_not_promoted(crm: Crm) -> None:
    await crm.done("set", "crm_token", value="token-1")
    refused = await crm.secrets("rotate", "crm_token", value="token-of-another-account")
    assert refused.returncode == 3
    assert "HubSpot refuses the credential of crm" in refused.stderr
    assert refused.stderr.count("\n") == 2, refused.stderr
    assert "token-of-another-account" not in refused.stdout + refused.stderr
    assert await crm.listed() == [(1, "current"), (2, "next")]
    again = await crm.secrets("promote", "crm_token")
    assert again.returncode == 3
    assert await crm.listed() == [(1, "current"), (2, "next")]


async def test_a_secret_that_may_read_less_is_not_promoted(crm: Crm) -> None:
    crm.narrow = {"token-2"}
    await crm.done("set", "crm_token", value="token-1")
    refused = await crm.secrets("rotate", "crm_token", value="token-2")
    assert refused.returncode == 3
    assert "it may not read orders, and the present one may" in refused.stderr
    crm.narrow = {"token-1", "token-2"}
    await crm.done("promote", "crm_token")


async def test_a_refused_secret_makes_way_for_one_that_may_read_something(crm: Crm) -> None:
    await crm.done("set", "crm_token", value="token-1")
    crm.valid, crm.narrow = {"token-2"}, {"token-2"}
    await crm.done("rotate", "crm_token", value="token-2")
    assert await crm.listed() == [(1, "previous"), (2, "current")]


async def test_an_unreachable_vendor_promotes_nothing(crm: Crm) -> None:
    await crm.done("set", "crm_token", value="token-1")
    at_a_dead_port(Path(crm.environment["LOCKSTITCH_CONFIG"]))
    refused = await crm.secrets("rotate", "crm_token", value="token-2")
    assert refused.returncode == 3
    assert "could not be tried" in refused.stderr
    assert await crm.listed() == [(1, "current"), (2, "next")]


async def test_a_client_secret_is_rotated_while_nobody_is_authorised(crm: Crm) -> None:
    """`connect` needs the new one: the vendor may have ended the old one."""
    with_an_app(Path(crm.environment["LOCKSTITCH_CONFIG"]))
    crm.environment["APP"] = "an-id"
    await crm.done("set", "app", value="one")
    output = await crm.done("rotate", "app", value="two")
    assert await crm.listed() == [(1, "previous"), (2, "current")]
    assert "crm needs authorization" in output
    assert "lockstitch connect crm" in output


async def test_a_rotation_does_not_end_the_overlap_of_the_last_one(crm: Crm) -> None:
    await crm.done("set", "hook", value="one")
    rotated = await crm.done("rotate", "hook", value="two")
    assert "It verifies webhooks of hooks, as does the former one until" in rotated
    refused = await crm.secrets("rotate", "hook", value="three")
    assert refused.returncode == 3
    assert "lockstitch secrets revoke hook --version 1" in refused.stderr
    assert await crm.listed() == [(1, "previous"), (2, "current"), (3, "next")]  # all three are accepted
    await crm.done("revoke", "hook", "--version", "1")
    await crm.done("promote", "hook")
    assert (await crm.listed())[1:] == [(2, "previous"), (3, "current")]


async def test_a_secret_in_the_wrong_form_is_not_stored(crm: Crm) -> None:
    refused = await crm.secrets("set", "crm_token", value="two\nlines")
    assert refused.returncode == 1
    assert "not allowed in an HTTP header" in refused.stderr
    unknown = await crm.secrets("promote", "crm_tokn")
    assert (unknown.returncode, unknown.stderr) == (
        1,
        "There is no credential named 'crm_tokn': lockstitch secrets list.\n",
    )
    for value, name in (("", "crm_token"), ("x", "No-Name")):
        assert (await crm.secrets("set", name, value=value)).returncode == 2
    # An argument would stand in the list of processes and in the shell's history.
    assert (await crm.secrets("set", "crm_token", "token-1", value="token-1")).returncode != 0
    assert await crm.listed() == []


async def test_a_name_that_nothing_refers_to_is_reported(crm: Crm) -> None:
    assert "refers to vault:crm_tokn. Did you mean crm_token?" in await crm.done("set", "crm_tokn", value="token-1")
    assert "refers to" not in await crm.done("set", "crm_token", value="token-1")


async def test_the_present_secret_is_no_new_one(crm: Crm) -> None:
    await crm.done("set", "crm_token", value="token-1")
    refused = await crm.secrets("rotate", "crm_token", value="token-1")
    assert (refused.returncode, "version 1 of crm_token has this value" in refused.stderr) == (1, True)
    assert await crm.listed() == [(1, "current")]


async def test_rollback_without_a_previous_secret_says_why(crm: Crm, store: PostgresCredentials) -> None:
    await crm.done("set", "crm_token", value="token-1")
    refused = await crm.secrets("rollback", "crm_token")
    assert refused.returncode == 1
    assert "has no previous version" in refused.stderr
    await store.replace("grant", b"{}", kind="oauth")
    await store.replace("grant", b"{}", kind="oauth")
    refused = await crm.secrets("rollback", "grant")
    assert "The vendor ended the old tokens" in refused.stderr
    assert refused.stderr.endswith(": lockstitch connect grant\n")
    await store.replace("grant", b"{}", kind="oauth", keep_previous=True)
    assert "Version 2 of grant is current again" in await crm.done("rollback", "grant")


async def test_tokens_are_not_set_by_hand(crm: Crm, store: PostgresCredentials) -> None:
    await store.replace("app.tokens", b"{}", kind="oauth")
    for command in ("set", "rotate", "promote"):
        refused = await crm.secrets(command, "app.tokens", value="a-token")
        assert refused.returncode == 1
        assert refused.stderr.endswith(": lockstitch connect app\n")


async def test_nothing_is_stored_under_a_key_that_the_processes_may_not_have(crm: Crm) -> None:
    await crm.done("set", "crm_token", value="token-1")
    keys = crm.environment["LOCKSTITCH_ENCRYPTION_KEYS"]
    crm.environment["LOCKSTITCH_ENCRYPTION_KEYS"] = f"k9:{keys.partition(':')[2]}"
    refused = await crm.secrets("set", "another", value="token-2")
    assert (refused.returncode, "does not open crm_token 1" in refused.stderr) == (1, True)
    await crm.done("revoke", "crm_token", "--version", "1")
    await crm.done("set", "another", value="token-2")


async def test_revoke_one_or_all_versions(crm: Crm) -> None:
    await crm.done("set", "crm_token", value="token-1")
    await crm.done("rotate", "crm_token", value="token-2")
    assert "version 1" in await crm.done("revoke", "crm_token", "--version", "1")
    assert await crm.listed() == [(1, "revoked"), (2, "current")]
    whole = await crm.done("revoke", "crm_token")
    assert "It has no current version now, and crm cannot use it: lockstitch secrets set crm_token" in whole
    assert await crm.listed() == [(1, "revoked"), (2, "revoked")]
    assert (await crm.secrets("revoke", "crm_token")).returncode == 1


async def test_the_actor_is_audited_and_the_secret_is_nowhere(crm: Crm, database: Database) -> None:
    canary = "canary-93f1b0c2"
    crm.valid.add(canary)
    output = await crm.done("set", "crm_token", "--max-age", "90d", value=canary)
    output += await crm.done("rotate", "crm_token", value="token-2")
    output += await crm.done("rollback", "crm_token") + await crm.done("list") + await crm.done("list", "--json")
    assert canary not in output
    rows = await database.fetch(
        Statement("SELECT audit_event", "SELECT actor, audit_event::text AS t FROM audit_event")
    )
    assert all(row["actor"].startswith("cli:") and canary not in row["t"] for row in rows)
    (first, _) = json.loads(await crm.done("list", "--json"))["data"]
    assert (datetime.fromisoformat(first["due_at"]) - datetime.now(UTC)).days in (89, 90)
