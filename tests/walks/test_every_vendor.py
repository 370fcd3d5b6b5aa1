"""Pulls of every emulated vendor: an account at rest has no Events, however its records are listed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.contract.facade import Facade
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, all_vendors, create_record
from tests.walks.stage import EVERY, Stage, staged

ENDED: Final = "SELECT type, facts FROM audit_event WHERE type IN ('walk.completed', 'walk.failed')"
LONG_AGO: Final = "UPDATE watermark SET watermark = '2015-01-01T00:00:00Z'"


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    """Accounts with two records of each object, of which Lockstitch knows nothing."""
    with all_vendors(tmp_path, database_url) as facade:
        with facade.calling() as caller:
            for sample in SAMPLES.values():
                for _ in range(2):
                    create_record(caller, sample)
        facade.api.stop()
        facade.worker.stop()
        facade.sql("DELETE FROM record_state")
        yield facade


async def test_an_account_at_rest_has_no_events(facade: Facade) -> None:
    pulls = "\n".join(f'[connections.{vendor}.pull]\nevery = "{EVERY}"\n' for vendor in EVERY_VENDOR)
    async with staged(facade, pulls) as stage:
        assert await stage.pull() == []
        ended = await stage.sql(ENDED)
        assert {row["facts"] for row in ended if row["type"] == "walk.failed"} == set()
        states = await versions(stage)
        assert {f"{connection} {name}" for connection, name, _ in states} >= {
            name for name in SAMPLES if not name.endswith(" ticket")
        }

        await stage.sql(LONG_AGO)
        assert await stage.pull() == []

        assert {row["facts"] for row in await stage.sql(ENDED) if row["type"] == "walk.failed"} == set()
        assert await versions(stage) == states


async def versions(stage: Stage) -> dict[tuple[str, str, str], int]:
    """Return the version of each last-seen state. Those of tickets note which comments were looked at meanwhile."""
    rows = await stage.sql("SELECT connection, object, remote_id, version FROM record_state WHERE object <> 'ticket'")
    return {(row["connection"], row["object"], row["remote_id"]): row["version"] for row in rows}
