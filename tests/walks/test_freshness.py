"""Freshness: data become too old when their source stops, and are fresh again by themselves."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from app.vendors.deps import VendorDeps
from app.walks.deps import FreshnessDeps
from app.walks.pull.freshness import ObjectFreshness, announce_freshness, list_freshness, read_status
from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.waiting import until
from tests.walks.stage import Stage, connection_table, staged

TOKEN: Final = "LOCKSTITCH_DEV_SALESFORCE_TOKEN"
LIMIT: Final = 2 * 86_400
OWNED: Final = f"""
[ownership.customers]
owner = "pulled-salesforce"
freshness_seconds = {LIMIT}
[ownership.tickets]
owner = "pulled-salesforce"
freshness_seconds = 60
"""
OLDER: Final = "UPDATE watermark SET started_at = started_at - interval '4 days', completed_at = now()"
EVENTS: Final = "SELECT type, connection FROM event WHERE type LIKE 'freshness.%' ORDER BY id"


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    token = EMULATOR_CREDENTIALS[TOKEN]
    with Facade(tmp_path, database_url, LOCKSTITCH_DEV_SALESFORCE_TOKEN=token).with_vendors() as facade:
        yield facade


def tables(facade: Facade) -> str:
    return connection_table(facade, "salesforce", "customers") + OWNED


@pytest.fixture
async def stage(facade: Facade) -> AsyncIterator[Stage]:
    async with staged(facade, tables(facade)) as stage:
        yield stage


async def customers(stage: Stage) -> ObjectFreshness:
    deps = stage.runtime.dependencies
    connection = await read_status(deps.of(VendorDeps), deps.of(FreshnessDeps), "pulled-salesforce")
    return next(one for one in connection.freshness if one.object == "customer")


async def announced(stage: Stage) -> list[str]:
    """Let two workers look at the same time, and return the types of all Events so far."""
    deps = stage.runtime.dependencies.of(FreshnessDeps)
    await asyncio.gather(*(announce_freshness(deps) for _ in range(4)))
    return [row["type"] for row in await stage.sql(EVENTS)]


async def test_data_without_a_completed_pull_count_from_the_set_up(stage: Stage) -> None:
    await stage.sql("INSERT INTO watermark (connection, object) VALUES ('pulled-salesforce', 'customer')")
    young = await customers(stage)
    assert (young.state, young.as_of, young.limit_seconds, young.next_step) == ("unknown", None, LIMIT, None)
    assert await announced(stage) == []

    await stage.sql("UPDATE connection_setup SET set_up_at = set_up_at - interval '4 days'")

    old = await customers(stage)
    assert (old.state, old.as_of) == ("breached", None)
    assert old.age_seconds is not None
    assert old.age_seconds > 2 * LIMIT
    assert await announced(stage) == ["freshness.breached"]
    await stage.pull()
    assert (await customers(stage)).state == "fresh"
    assert await announced(stage) == ["freshness.breached", "freshness.restored"]


async def test_a_breach_is_announced_once_and_so_is_its_end(stage: Stage) -> None:
    await stage.pull()
    assert await announced(stage) == []
    for breach in (1, 2):
        await stage.sql(OLDER)
        assert await announced(stage) == ["freshness.breached", "freshness.restored"] * (breach - 1) + [
            "freshness.breached"
        ]
        assert (await announced(stage))[-1] == "freshness.breached"
        await stage.pull()
        assert await announced(stage) == ["freshness.breached", "freshness.restored"] * breach
        assert len(await announced(stage)) == 2 * breach


async def test_a_limit_that_is_removed_ends_a_breach_without_an_event(stage: Stage) -> None:
    await stage.pull()
    await stage.sql(OLDER)
    assert await announced(stage) == ["freshness.breached"]
    deps = stage.runtime.dependencies.of(FreshnessDeps)
    await announce_freshness(FreshnessDeps(rules=(), database=deps.database, events=deps.events, queue=deps.queue))
    assert await stage.sql("SELECT FROM watermark WHERE breached_at IS NOT NULL") == []
    assert [row["type"] for row in await stage.sql(EVENTS)] == ["freshness.breached"]


async def test_a_failed_pull_says_why_and_does_not_renew_the_data(stage: Stage) -> None:
    await stage.pull()
    await stage.sql(OLDER)
    stage.vendors.break_("salesforce", "status", status=405, times=None)
    await stage.pull()

    view = await customers(stage)
    assert (view.state, view.last_failure) == ("breached", "vendor-rejected")
    assert view.next_step
    assert await announced(stage) == ["freshness.breached"]


async def test_an_object_that_is_not_pulled_is_unknown(stage: Stage) -> None:
    views = await list_freshness(stage.runtime.dependencies.of(FreshnessDeps))
    (tickets,) = [one for one in views if (one.connection, one.object) == ("pulled-salesforce", "ticket")]
    assert tickets.limit_seconds == 60
    assert tickets.next_step is not None


def test_a_source_that_stops_is_noticed_and_clears_by_itself(facade: Facade) -> None:
    """Two workers, the API, and a vendor whose process ends."""
    facade.add_configuration(tables(facade))
    with ExitStack() as stack:
        for process in (facade.api, facade.worker, facade.process("worker")):
            process.start()
            stack.callback(process.stop)
        key = facade.make_key(name="operator").secret
        caller = stack.enter_context(Caller(facade.api.url, key))

        def view() -> dict[str, Any]:
            rows: list[dict[str, Any]] = caller.get("/ops/freshness").json()["data"]
            return next(one for one in rows if (one["connection"], one["object"]) == ("pulled-salesforce", "customer"))

        def events() -> list[dict[str, Any]]:
            return list(caller.get("/v1/events?type=freshness.*").json()["data"])

        assert until(view, lambda one: one["state"] == "fresh")["as_of"]
        facade.emulators.stop()
        facade.sql(OLDER)
        facade.sql("UPDATE watermark SET tried_at = now() - interval '5 days'")

        (breached,) = until(events, lambda listed: len(listed) == 1)
        assert (breached["type"], breached["connection"]) == ("freshness.breached", "pulled-salesforce")
        data = breached["data"]
        assert set(data) == {"connection", "object", "limit_seconds", "as_of", "breached_since", "last_failure"}
        late = datetime.fromisoformat(data["breached_since"]) - datetime.fromisoformat(data["as_of"])
        assert late.total_seconds() == data["limit_seconds"] == LIMIT
        assert view()["state"] == "breached"
        metrics = caller.get("/metrics").text
        labels = '{connection="pulled-salesforce",object="customer"}'
        assert f"lockstitch_freshness_limit_seconds{labels} {LIMIT}.0" in metrics
        (age,) = re.findall(rf"lockstitch_freshness_age_seconds{re.escape(labels)} (\S+)", metrics)
        assert float(age) > LIMIT
        doctor = facade.lockstitch("doctor").stdout
        assert "the limit is 60 s, but it is not pulled" in doctor
        assert "alarm freshness_breached.pulled-salesforce.customer" in doctor

        facade.emulators.start()
        both = until(events, lambda listed: len(listed) == 2, timeout=60)
        assert [one["type"] for one in both] == ["freshness.breached", "freshness.restored"]
        assert view()["state"] == "fresh"
