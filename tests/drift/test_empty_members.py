"""Counts of members with values are shared by processes and outlast them, and rules apply to what they show."""

import asyncio
from typing import Any, Final

import msgspec

from app.capabilities import POLICIES
from app.drift.deps import DriftDeps
from app.drift.detect import DriftDetection
from app.drift.models import DriftFilter
from app.drift.store import PostgresDrifts
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.postgres.database import Database
from app.queue.enqueue import JobIntake
from app.settings.drift import DriftRule, DriftSettings
from canonical.parts import CustomFieldSetting
from mappings.hubspot.customer_r1 import CUSTOMER
from mappings.hubspot.wire_v3 import Account
from tests.encryption import SEALER

AT_ONCE: Final = 50
RULES: Final = {"crm": (DriftRule(path="$.properties.fax", policy="discard"),)}
ACCOUNT: Final = Account(
    custom_fields={"customer": (CustomFieldSetting(key="vip", vendor_field="vip_level", type="string"),)}
)
WHOLE: Final = {"lastname": "Lee", "phone": "1", "fax": "2", "vip_level": "gold"}


async def process(
    database: Database, properties: dict[str, Any], records: int = AT_ONCE, *, listed: bool = False
) -> None:
    """Read records in a process of their own, to its orderly end."""
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    deps = DriftDeps(
        drifts=PostgresDrifts(database), database=database, events=events, queue=JobIntake(SEALER, POLICIES)
    )
    settings = DriftSettings(sample_rate=1, learn_records=1)
    times = dict.fromkeys(("createdAt", "updatedAt"), "2026-05-01T09:30:00Z")
    record = msgspec.Raw(msgspec.json.encode({"id": "7", "properties": properties} | times))
    resource = CUSTOMER.read(record, ACCOUNT).data
    async with DriftDetection(deps, settings, RULES, "http://127.0.0.1").running() as detection:
        for _ in range(records):
            detection.show("crm", CUSTOMER, record, resource, listed=listed)


async def paths_of_findings(database: Database) -> set[str]:
    findings = await PostgresDrifts(database).list(DriftFilter(kind="empty_more_often"), after=None, limit=50)
    return {finding.path for finding in findings}


async def test_processes_share_counts_and_a_restart_keeps_them(database: Database) -> None:
    await process(database, WHOLE, records=1)
    for _ in range(5):
        await asyncio.gather(*(process(database, WHOLE) for _ in range(3)))
    assert await paths_of_findings(database) == set()

    for _ in range(2):
        await asyncio.gather(*(process(database, {"lastname": "Lee"}) for _ in range(3)))
    await process(database, {"lastname": "Lee"})
    assert await paths_of_findings(database) == {"$.properties.phone", "$.custom_fields.vip"}


async def test_what_lists_do_not_return_is_not_missing_from_single_reads(database: Database) -> None:
    await process(database, WHOLE, records=1)
    for _ in range(6):
        await process(database, WHOLE)
    for _ in range(12):
        await process(database, {"lastname": "Lee"}, listed=True)
    assert await paths_of_findings(database) == set()
