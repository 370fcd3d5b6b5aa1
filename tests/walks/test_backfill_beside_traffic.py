"""A backfill of many records beside live traffic: callers hardly notice, and the vendor refuses nothing."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from emulators.calls import KEPT as CALLS_KEPT
from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.waiting import until

pytestmark = pytest.mark.long

RECORDS: Final = 20_000
RATE: Final = 100
WINDOWS: Final = 10
WINDOW_SECONDS: Final = 20.0
CALLS_PER_SECOND: Final = 6.0
CALLS_PER_MINUTE: Final = 600
"""The limit of the vendor, which is that of the connection's pacing."""
REQUEST: Final = {"connection": "filled", "object": "customer"}


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    """A connection with the pacing of its vendor, whose emulator keeps the published limit."""
    credentials: dict[str, Any] = dict(EMULATOR_CREDENTIALS)
    facade = Facade(tmp_path, database_url, LOCKSTITCH_JOB_LEASE="2", **credentials)
    facade.add_configuration(
        f'[connections.filled]\nvendor = "hubspot"\nbase_url = "{facade.emulators.url}/hubspot"\n'
        'credentials = { token = "env:LOCKSTITCH_DEV_HUBSPOT_TOKEN" }\n'
    )
    with facade.running():
        facade.vendors.limit("hubspot", per_minute=CALLS_PER_MINUTE, search_lag=0.0)
        yield facade


def percentile_of_window(caller: Caller, path: str) -> float:
    """The 95th percentile of the seconds that live reads take in a window."""
    took, ends_at = [], time.monotonic() + WINDOW_SECONDS
    while time.monotonic() < ends_at:
        began = time.perf_counter()
        assert caller.get(path).status_code == 200
        took.append(time.perf_counter() - began)
        time.sleep(max(0.0, 1 / CALLS_PER_SECOND - took[-1]))
    return statistics.quantiles(took, n=20)[-1]


def test_live_traffic_hardly_notices_a_backfill(facade: Facade) -> None:
    for number in range(RECORDS):
        facade.vendors.place("hubspot", "contacts", {"properties": {"email": f"a{number}@example.com"}})
    ids = {one["id"] for one in facade.vendors.records("hubspot", "contacts")}
    with facade.calling() as caller:
        live = f"/v1/customers/filled:{next(iter(ids))}"
        begun = caller.post("/v1/backfills", json=REQUEST | {"rate": RATE}).json()
        path = f"/v1/backfills/{begun['id']}"
        beside, alone = [], []
        for window in range(WINDOWS):
            if window % 2 == 0:
                beside.append(percentile_of_window(caller, live))
                caller.post(f"{path}/pause")
            else:
                alone.append(percentile_of_window(caller, live))
                caller.post(f"{path}/resume")
            if window == WINDOWS // 2:
                facade.worker.kill()
                facade.worker.start()
        caller.post(f"{path}/resume")
        ratio = statistics.median(beside) / statistics.median(alone)
        print(f"live p95 {statistics.median(beside):.4f} s beside, {statistics.median(alone):.4f} s alone: {ratio:.2f}")
        ended = until(lambda: caller.get(path).json(), lambda one: one["ended_at"] is not None, timeout=600)
        assert (ended["state"], ended["new"]) == ("completed", len(ids))
        states = facade.sql("SELECT remote_id FROM record_state WHERE connection = 'filled'")
        assert {row["remote_id"] for row in states} == ids
        assert facade.sql("SELECT FROM event WHERE record IS NOT NULL") == []
        _progress_is_true(caller, len(ids))
        _nothing_was_refused(facade)
    assert ratio <= 1.25


def _nothing_was_refused(facade: Facade) -> None:
    """Check all calls of the test against the vendor's limit."""
    calls = facade.vendors.calls("hubspot")
    assert len(calls) < CALLS_KEPT
    busiest = max(Counter(int(one["at"] // 60) for one in calls).values())
    print(f"{len(calls)} calls, at most {busiest} in a minute of {CALLS_PER_MINUTE}")
    assert 429 not in {one["status"] for one in calls}


def _progress_is_true(caller: Caller, number: int) -> None:
    """Follow a second backfill, of which the total is known."""
    began = time.monotonic()
    path = caller.post("/v1/backfills", json=REQUEST).headers["location"]
    shares = []
    while (state := caller.get(path).json())["ended_at"] is None:
        assert abs((state["share"] or 0.0) - state["records"] / number) <= 0.02
        shares.append(state["share"])
        time.sleep(0.5)
    assert (state["known"], state["differing"], state["share"]) == (number, 0, 1.0)
    assert len(set(shares)) > 3
    print(f"{number} known records in {time.monotonic() - began:.1f} s")
