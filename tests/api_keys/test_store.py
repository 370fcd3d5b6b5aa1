"""Keys: what is stored, who they belong to, how they end."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from app.api_keys.statements import name_of
from app.api_keys.store import ApiKeyError, PostgresKeys
from app.postgres.database import Database, Statement
from tests.required import required


@pytest.fixture
def keys(database: Database) -> PostgresKeys:
    return PostgresKeys(database)


async def test_a_key_is_found_and_only_its_digest_is_stored(database: Database, keys: PostgresKeys) -> None:
    made = await keys.create("n8n", ["orders:read", "customers:write"])

    caller = required(await keys.find(made.secret))
    assert (caller.principal, caller.name, caller.expires_at) == (made.id, "n8n", None)
    assert caller.scopes == {"orders:read", "customers:write"}
    row = await database.fetch_row(Statement("SELECT api_key", "SELECT api_key::text AS everything FROM api_key"))
    assert row is not None
    assert made.secret not in row["everything"]
    assert made.secret.startswith("lsk_dev_")
    assert len(made.secret) == len("lsk_dev_") + 43  # 256 bits in base64url


async def test_an_unknown_key_finds_nothing(keys: PostgresKeys) -> None:
    assert await keys.find("lsk_unknown") is None


async def test_a_key_ends_when_its_time_is_over(database: Database, keys: PostgresKeys) -> None:
    made = await keys.create("short", ["ops:read"], expires_in=timedelta(hours=1))
    assert await keys.find(made.secret) is not None

    await database.execute(
        Statement(
            "UPDATE api_key",
            "UPDATE api_key SET created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'",
        )
    )

    assert await keys.find(made.secret) is None
    assert [key.state for key in await keys.list()] == ["expired"]


async def test_rotating_keeps_the_principal_and_both_keys_for_the_overlap(keys: PostgresKeys) -> None:
    old = await keys.create("n8n", ["orders:read"])

    new = await keys.rotate("n8n")

    old_found = await keys.find(old.secret)
    new_found = await keys.find(new.secret)
    assert old_found is not None
    assert new_found is not None
    assert old_found.principal == new_found.principal
    assert old_found.scopes == new_found.scopes
    assert new_found.expires_at is None
    assert old_found.expires_at is not None
    left = old_found.expires_at - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert [key.state for key in await keys.list()] == ["overlapping", "valid"]


async def test_rotating_without_overlap_ends_the_old_key_at_once(keys: PostgresKeys) -> None:
    old = await keys.create("n8n", ["orders:read"])

    await keys.rotate("n8n", overlap=timedelta(0))

    assert await keys.find(old.secret) is None


async def test_a_rotated_key_is_given_the_life_of_the_one_before(keys: PostgresKeys) -> None:
    await keys.create("n8n", ["orders:read"], expires_in=timedelta(days=90))

    new = await keys.rotate("n8n")

    assert new.expires_at is not None
    assert timedelta(days=89) < new.expires_at - datetime.now(UTC) <= timedelta(days=90)


async def test_the_overlap_never_prolongs_a_key(keys: PostgresKeys) -> None:
    old = await keys.create("n8n", ["orders:read"], expires_in=timedelta(minutes=5))

    await keys.rotate("n8n")

    caller = required(await keys.find(old.secret))
    assert caller.expires_at == old.expires_at


async def test_revoking_ends_the_key_and_those_in_their_overlap(keys: PostgresKeys) -> None:
    old = await keys.create("n8n", ["orders:read"])
    new = await keys.rotate("n8n")

    assert await keys.revoke("n8n") == 2

    assert await keys.find(old.secret) is None
    assert await keys.find(new.secret) is None


async def test_a_name_is_taken_until_its_key_is_revoked(keys: PostgresKeys) -> None:
    await keys.create("n8n", ["orders:read"])
    with pytest.raises(ApiKeyError, match="already"):
        await keys.create("n8n", ["orders:read"])

    await keys.revoke("n8n")

    again = await keys.create("n8n", ["orders:read"])
    assert await keys.find(again.secret) is not None


@pytest.mark.parametrize("scopes", [[], ["orders:destroy"]])
async def test_a_scope_that_does_not_exist_is_refused(keys: PostgresKeys, scopes: list[str]) -> None:
    with pytest.raises(ApiKeyError, match="Unknown scope"):
        await keys.create("n8n", scopes)


async def test_a_key_that_does_not_exist_can_be_neither_rotated_nor_revoked(keys: PostgresKeys) -> None:
    with pytest.raises(ApiKeyError, match="no live key"):
        await keys.rotate("nobody")
    with pytest.raises(ApiKeyError, match="no live key"):
        await keys.revoke("nobody")


async def test_a_rotation_may_change_what_a_principal_may_do(keys: PostgresKeys) -> None:
    old = await keys.create("n8n", ["orders:read"])

    new = await keys.rotate("n8n", scopes=["customers:write", "orders:read"])

    after, before = await keys.find(new.secret), await keys.find(old.secret)
    assert after is not None
    assert before is not None
    assert after.principal == old.id
    assert after.scopes == {"customers:write", "orders:read"}
    assert before.scopes == {"orders:read"}
    with pytest.raises(ApiKeyError, match="Unknown scope"):
        await keys.rotate("n8n", scopes=["orders:destroy"])


async def test_a_rotated_key_still_needs_approval_and_gets_no_way_round_it(keys: PostgresKeys) -> None:
    await keys.create("agent", ["orders:write"], needs_approval=True)

    new = await keys.rotate("agent")

    caller = required(await keys.find(new.secret))
    assert caller.needs_approval
    assert [key.needs_approval for key in await keys.list()] == [True, True]
    for scope in ("ops:write", "approvals:write"):
        with pytest.raises(ApiKeyError, match=scope):
            await keys.rotate("agent", scopes=["orders:write", scope])
        with pytest.raises(ApiKeyError, match=scope):
            await keys.create("other", ["orders:write", scope], needs_approval=True)


async def test_every_change_of_a_key_is_audited_without_the_key(database: Database) -> None:
    keys = PostgresKeys(database, actor="cli:ann")
    old = await keys.create("n8n", ["orders:read"])
    new = await keys.rotate("n8n", overlap=timedelta(hours=1), scopes=["orders:write"])
    await keys.revoke("n8n")
    with pytest.raises(ApiKeyError):
        await keys.revoke("n8n")

    rows = await database.fetch(
        Statement("SELECT audit_event", "SELECT type, subject, actor, facts FROM audit_event ORDER BY id")
    )

    assert [(row["type"], row["subject"]) for row in rows[:2]] == [
        ("api_key.created", old.id),
        ("api_key.rotated", new.id),
    ]
    assert {(row["type"], row["subject"]) for row in rows[2:]} == {
        ("api_key.revoked", old.id),
        ("api_key.revoked", new.id),
    }
    assert {row["actor"] for row in rows} == {"cli:ann"}
    facts = [msgspec.json.decode(row["facts"]) for row in rows]
    made = {"name": "n8n", "principal": old.id, "scopes": ["orders:read"], "needs_approval": False}
    assert facts[0] == made
    assert facts[1] == {
        "name": "n8n",
        "principal": old.id,
        "scopes": ["orders:write"],
        "replaces": old.id,
        "overlap_seconds": 3600.0,
    }
    recorded = "".join(row["facts"] for row in rows)
    assert old.secret not in recorded
    assert new.secret not in recorded


async def test_the_name_of_no_one_costs_no_statement(database_url: str) -> None:
    database = await Database.connect(database_url)
    made = await PostgresKeys(database).create("nina", ["ops:write"])
    assert await name_of(database, made.id) == "nina"
    assert await name_of(database, "cli:root@host") == "cli:root@host"
    await database.close()
    assert await name_of(database, None) == "another request"
