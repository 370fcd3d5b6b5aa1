"""`lockstitch drift`: findings at 80 columns or as JSON, and that somebody has seen one."""

import asyncio
import json

import pytest

from app.drift.models import DriftSubject, Noted
from app.drift.store import PostgresDrifts
from app.postgres.database import Database
from app.settings.drift import DriftKind
from tests.closing import async_closing
from tests.commands import exits, lockstitch
from tests.encryption import ENCRYPTION_KEYS


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {"LOCKSTITCH_DATABASE_URL": database_url, "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS}


@pytest.fixture
def ids(database_url: str) -> list[str]:
    """Two findings, the older one first."""
    return asyncio.run(note(database_url, noted("unknown_field", "$.recordVersion"), noted("changed_type", "$.id")))


def noted(kind: DriftKind, path: str) -> Noted:
    subject = DriftSubject(connection="crm", object="customer", mapping="hubspot.customer", revision=1, source="record")
    return Noted(
        subject=subject,
        path=path,
        kind=kind,
        expected="no member",
        found="a member",
        example='"xxx"',
        policy="evolve",
        count=2,
        correlation_id=None,
        traceparent=None,
    )


async def note(url: str, *all_of: Noted) -> list[str]:
    async with async_closing(Database.connect(url, max_size=1)) as database:
        drifts, made = PostgresDrifts(database), []
        for one in all_of:
            async with database.transaction() as transaction:
                made += [finding.id for finding, _ in await drifts.note(transaction, [one])]
                assert not await drifts.note(transaction, [one])  # it is there already, and counted
        return made


def test_findings_are_listed_newest_first_and_acknowledged_once(environment: dict[str, str], ids: list[str]) -> None:
    listed = exits(lockstitch("drift", "list", environment=environment))
    assert max(map(len, listed.stdout.splitlines())) <= 80
    assert listed.stdout.index(ids[1]) < listed.stdout.index(ids[0])

    page = json.loads(lockstitch("drift", "list", "--kind", "unknown_field", "--json", environment=environment).stdout)
    assert [(one["id"], one["count"], one["path"]) for one in page["data"]] == [(ids[0], 4, "$.recordVersion")]

    acknowledged = lockstitch("drift", "acknowledge", ids[0], environment=environment)
    assert acknowledged.stdout == f"{ids[0]} is acknowledged: unknown_field at $.recordVersion of hubspot.customer.\n"
    changed = lockstitch("drift", "acknowledge", ids[1], environment=environment)
    assert "Reads that fail with vendor-drift still do: the mapping needs a revision." in changed.stdout
    again = lockstitch("drift", "acknowledge", ids[0], environment=environment)
    assert (again.returncode, again.stdout) == (3, "")
    assert "already acknowledged, by cli:" in again.stderr

    assert ids[0] not in lockstitch("drift", "list", environment=environment).stdout
    assert ids[0] in lockstitch("drift", "list", "--acknowledged", environment=environment).stdout


def test_what_is_not_there_is_said(environment: dict[str, str]) -> None:
    assert lockstitch("drift", "list", environment=environment).stdout == "No matching findings.\n"
    missing = lockstitch("drift", "acknowledge", "drf_0", environment=environment)
    assert (missing.returncode, missing.stderr) == (1, "No drift finding has the id drf_0.\n")
