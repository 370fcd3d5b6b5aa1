"""`secret.due`: published once for each version that has reached the maximum age of its credential."""

import json
from datetime import timedelta

from app.capabilities import POLICIES
from app.credentials.due import announce_due
from app.credentials.store import PostgresCredentials
from app.events.deps import AnnounceDeps
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.postgres.database import Database, Statement
from app.queue.enqueue import JobIntake
from tests.encryption import SEALER

OLDER = Statement(
    "UPDATE credential_version", "UPDATE credential_version SET created_at = created_at - interval '91 days'"
)


async def test_each_version_is_announced_once(database: Database) -> None:
    store = PostgresCredentials(database, SEALER)
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    deps = AnnounceDeps(
        database=database,
        events=events,
        queue=JobIntake(SEALER, POLICIES),
    )
    await store.set("crm_token", b"one", max_age=timedelta(days=90))
    await store.set("no_age", b"one")
    await announce_due(deps)
    assert await events.newest(types=[], limit=10) == []
    for version in (1, 2):
        await database.execute(OLDER)
        await announce_due(deps)
        await announce_due(deps)
        announced = await events.newest(types=[], limit=10)
        assert len(announced) == version
        data = json.loads(bytes(announced[0].body))["data"]
        assert (data["name"], data["version"], data["max_age_days"]) == ("crm_token", version, 90.0)
        assert (announced[0].type, announced[0].scopes) == ("secret.due", ("events:read",))
        number, _ = await store.set("crm_token", b"two")
        await store.promote("crm_token", number, overlap=timedelta(hours=1))
