"""Reconcile compares copies with their sources, by the rules of the merge that makes them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from prometheus_client import Counter

from app.walks.deps import ReconcileDeps
from app.walks.metrics import differing
from app.walks.reconcile.models import ReconcileFilter, ReconcileFinding, ReconcileRequest
from app.walks.reconcile.start import list_findings, request_reconcile, start_due_reconciles
from tests.contract.facade import Facade
from tests.walks.stage import Stage, connection_table, staged

LEFT: Final = "SELECT count(*) = 0 FROM job WHERE kind IN ('walk', 'reconcile', 'refetch', 'fan_out', 'ingest')"
TABLES: Final = """
[connections.hubspot.pull]
customers = {{ every = "1d" }}
[connections.shopify.pull]
customers = {{ every = "1d" }}
[connections.shopify.reconcile]
grace = "1s"
repair = "{repair}"

[ownership.customers.fields]
last_name = {{ owner = "hubspot" }}
emails = {{ owner = "hubspot" }}
notes = {{ owner = "shopify" }}

[[consumers]]
object = "customers"
connection = "shopify"
sources = ["hubspot"]
match_on = "email"
"""
FRESHDESK: Final = """
[connections.pulled-freshdesk.reconcile]
grace = "1s"
repair = "emit"
[connections.hubspot.pull]
customers = { every = "1d" }

[[consumers]]
object = "customers"
connection = "pulled-freshdesk"
sources = ["hubspot"]
match_on = "email"
"""


@pytest.fixture
def repair(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "report")


@pytest.fixture
async def stage(facade: Facade, repair: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Two customers of HubSpot, copied to Shopify, which sends no webhooks."""
    facade.vendors.limit("hubspot", per_minute=1_000_000, search_lag=0.0)
    settings = tmp_path / "lockstitch.toml"
    settings.write_text(settings.read_text().replace('customers = "hubspot"', ""))  # only the fields below have owners
    async with staged(facade, TABLES.format(repair=repair)) as stage:
        await stage.pull()
        for name in ("ada", "ida"):
            properties = {
                "firstname": name.title(),
                "lastname": "Lovelace",
                "email": f"{name}@naht.example",
                "jobtitle": "Potter",
            }
            stage.vendors.place("hubspot", "contacts", {"properties": properties})
        await stage.pull()
        await stage.until(LEFT)
        yield stage


def copies(stage: Stage) -> dict[str, dict[str, Any]]:
    """The customers of Shopify, by first name."""
    return {one["firstName"]: one for one in stage.vendors.records("shopify", "Customer", holding="naht.example")}


async def reconcile(stage: Stage, connection: str = "shopify") -> list[ReconcileFinding]:
    """Reconcile the customers of a consumer, and return all findings about copies, oldest first."""
    deps = stage.runtime.dependencies.of(ReconcileDeps)
    await request_reconcile(deps, ReconcileRequest(connection=connection, object="customer"), actor="test")
    await start_due_reconciles(deps)
    await stage.until(LEFT)
    page = await list_findings(deps, ReconcileFilter(kind="differing", closed=None), after=None, limit=250)
    return list(reversed(page.data))


async def later(stage: Stage) -> None:
    """Wait until every change is older than the grace."""
    (now,) = await stage.sql("SELECT now() + interval '2 seconds' AS later")
    await stage.until(f"SELECT clock_timestamp() > '{now['later'].isoformat()}'")


async def test_equal_copies_are_not_read_and_an_announced_loss_is_no_difference(stage: Stage) -> None:
    """Shopify has no job title."""
    assert copies(stage).keys() == {"Ada", "Ida"}
    before = len(stage.vendors.calls("hubspot"))

    assert await reconcile(stage) == []

    assert len(stage.vendors.calls("hubspot")) == before


async def test_what_the_source_owns_is_found_and_closed_when_it_is_equal_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    ada = copies(stage)["Ada"]
    (source,) = stage.vendors.records("hubspot", "contacts", holding="ada@naht.example")
    counted = value_of(differing.labels("shopify", "customer"))
    stage.vendors.place("shopify", "Customer", ada | {"lastName": "Kingsley"})

    (finding,) = await reconcile(stage)
    (again,) = await reconcile(stage)

    assert (finding.connection, finding.object, finding.kind) == ("shopify", "customer", "differing")
    assert (finding.remote_id, finding.source) == (ada["id"].rpartition("/")[2], f"hubspot:{source['id']}")
    assert dict(zip(finding.fields, finding.owners, strict=True)) == {"last_name": "hubspot"}
    assert (finding.closed_at, finding.is_repaired) == (None, False)
    assert (again.id, again.last_found_at > finding.last_found_at) == (finding.id, True)
    assert value_of(differing.labels("shopify", "customer")) - counted == 1
    assert "Kingsley" not in msgspec.json.encode(finding).decode() + caplog.text

    stage.vendors.place("shopify", "Customer", ada)
    (closed,) = await reconcile(stage)
    assert (closed.id, closed.closed_at is not None, closed.is_repaired) == (finding.id, True, False)


@pytest.mark.parametrize("repair", ["emit"], indirect=True)
async def test_a_repair_copies_the_record_again(stage: Stage) -> None:
    ada = copies(stage)["Ada"]
    stage.vendors.place("shopify", "Customer", ada | {"lastName": "Kingsley"})

    (finding,) = await reconcile(stage)

    assert (finding.fields, finding.is_repaired, finding.closed_at is None) == (("last_name",), True, False)
    assert copies(stage)["Ada"]["lastName"] == "Lovelace"
    assert await reconcile(stage) == [finding]
    (operation,) = await stage.sql("SELECT principal, outcome FROM operation WHERE effect = 'update'")
    assert operation == {"principal": "consumer:customers:shopify", "outcome": "succeeded"}


async def test_what_the_target_owns_or_has_changed_by_itself_is_no_difference(stage: Stage) -> None:
    for name, own in (("Ada", {"note": "Likes blue."}), ("Ida", {"firstName": "Idabelle"})):
        stage.vendors.place("shopify", "Customer", copies(stage)[name] | own)

    assert await reconcile(stage) == []

    assert {one["lastName"] for one in copies(stage).values()} == {"Lovelace"}


async def test_a_copy_that_was_refused_is_found_with_its_consumer(stage: Stage) -> None:
    stage.vendors.break_("shopify", "status", status=400, times=None)
    (source,) = stage.vendors.records("hubspot", "contacts", holding="ada@naht.example")
    stage.vendors.place(
        "hubspot", "contacts", {**source, "properties": source["properties"] | {"firstname": "Augusta"}}
    )
    await stage.pull()
    await stage.until("SELECT count(*) > 0 FROM dead_letter WHERE kind = 'fan_out'")
    stage.vendors.mend()
    await later(stage)

    (finding,) = await reconcile(stage)

    assert dict(zip(finding.fields, finding.owners, strict=True))["first_name"] == "consumer:customers:shopify"


@pytest.mark.parametrize("repair", ["emit"], indirect=True)
async def test_a_copy_that_waits_for_its_paused_consumer_is_found(stage: Stage) -> None:
    await stage.sql("INSERT INTO consumer (name, paused_at) VALUES ('customers:shopify', now())")
    (source,) = stage.vendors.records("hubspot", "contacts", holding="ada@naht.example")
    stage.vendors.place(
        "hubspot", "contacts", {**source, "properties": source["properties"] | {"lastname": "Kingsley"}}
    )
    await stage.pull()
    await stage.until("SELECT count(*) > 0 FROM job WHERE kind = 'fan_out' AND deferred > 0")
    deps = stage.runtime.dependencies.of(ReconcileDeps)
    await request_reconcile(deps, ReconcileRequest(connection="shopify", object="customer"), actor="test")
    await start_due_reconciles(deps)

    await stage.until("SELECT count(*) > 0 FROM reconcile_finding")

    page = await list_findings(deps, ReconcileFilter(kind="differing"), after=None, limit=250)
    assert [(one.fields, one.is_repaired) for one in page.data] == [(("last_name",), False)]
    assert await stage.sql("SELECT deferred FROM job WHERE kind = 'reconcile'") == []


async def test_a_copy_that_is_listed_in_part_is_compared_by_its_state_and_read_if_that_is_old(facade: Facade) -> None:
    """Freshdesk lists contacts without their tags."""
    facade.vendors.limit("hubspot", per_minute=1_000_000, search_lag=0.0)
    tables = connection_table(facade, "freshdesk", "customers") + FRESHDESK
    async with staged(facade, tables) as stage:
        await stage.pull()
        properties = {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@naht.example"}
        stage.vendors.place("hubspot", "contacts", {"properties": properties})
        await stage.pull()
        await stage.until(LEFT)
        (ada,) = stage.vendors.records("freshdesk", "contacts", holding="ada@naht.example")
        before = len(stage.vendors.calls("hubspot"))
        assert await reconcile(stage, "pulled-freshdesk") == []
        assert len(stage.vendors.calls("hubspot")) == before
        moved = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        stage.vendors.place("freshdesk", "contacts", ada | {"name": "Ada Kingsley", "updated_at": moved})

        (finding,) = await reconcile(stage, "pulled-freshdesk")

        assert set(finding.owners) == {"hubspot"}
        assert (finding.remote_id, finding.is_repaired) == (str(ada["id"]), True)
        (ada,) = stage.vendors.records("freshdesk", "contacts", holding="ada@naht.example")
        assert ada["name"] == "Ada Lovelace"


def value_of(counter: Counter) -> float:
    ((_, _, value, *_),) = [one for one in next(iter(counter.collect())).samples if one.name.endswith("_total")]
    return float(value)
