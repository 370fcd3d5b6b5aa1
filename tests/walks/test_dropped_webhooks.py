"""Reconcile beside webhooks that the vendor drops, and by workers that are killed with -9; over HTTP, as CSV, and on
the command line."""

import asyncio
import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.contract.callers import Caller, code_of, expect
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS
from tests.contract.quiet import UNDER_WAY, sending_webhooks
from tests.contract.waiting import until
from tests.walks.stage import connection_table
from tests.walks.test_killed_pulls import events_of

CONTACTS: Final = 40
PATIENCE: Final = 1800.0
"""Seconds for what takes long with thousands of contacts."""
LEFT: Final = "SELECT count(*)::integer AS number FROM job WHERE kind IN ('walk', 'reconcile', 'refetch')"
HURRY: Final = "UPDATE job SET run_at = now() WHERE kind = 'walk' AND state = 'ready' AND run_at > now() RETURNING id"
WAKE: Final = "SELECT pg_notify('lockstitch_job', '')"
COMPLETED: Final = "SELECT count(*)::integer AS number FROM audit_event WHERE type = 'walk.completed'"
PULLED: Final = """
    SELECT FROM watermark WHERE connection = 'hubspot' AND object = 'customer' AND completed_at IS NOT NULL
"""
# The last pull, as it would have been.
AN_HOUR_AGO: Final = """
    UPDATE watermark
       SET tried_at = tried_at - interval '66 minutes', started_at = started_at - interval '66 minutes',
           watermark = least(watermark, now() - interval '68 minutes')
     WHERE connection = 'hubspot'
"""
REFUSED: Final = "SELECT coalesce(sum(refused), 0)::integer AS refused FROM webhook_standing"
CHANGED: Final = "SELECT record FROM event WHERE connection = 'hubspot' AND type = 'customer.updated'"


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    token = EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_SALESFORCE_TOKEN"]
    facade = Facade(tmp_path, database_url, LOCKSTITCH_JOB_LEASE="2", LOCKSTITCH_DEV_SALESFORCE_TOKEN=token)
    yield facade
    facade.stop()


class Account:
    """Contacts at HubSpot as their staff changes them, at times of the past."""

    def __init__(self, facade: Facade, contacts: int) -> None:
        """Create contacts, three days ago."""
        self._vendors = facade.vendors
        self._contacts: list[dict[str, Any]] = [
            {"properties": {"firstname": "Ada", "lastname": f"Lovelace {number}"}} for number in range(contacts)
        ]
        self.titles: dict[str, str] = {}
        self._place(self._contacts, timedelta(days=3), timedelta(days=3))
        self.ids = [one["id"] for one in self._contacts]

    def pass_day(self, title: str, *, days_ago: int) -> None:
        """Give each contact another title, over a day."""
        self.pass_time(title, timedelta(days=days_ago), timedelta(days=days_ago - 1, hours=1))

    def pass_time(self, title: str, since: timedelta, until: timedelta, *, every: int = 1) -> None:
        """Give each contact, or one of so many, another title, from `since` to `until` before now."""
        chosen = self._contacts[::every]
        for one in chosen:
            one["properties"]["jobtitle"] = self.titles[one["id"]] = title
        self._place(chosen, since, until)

    def _place(self, contacts: list[dict[str, Any]], since: timedelta, until: timedelta) -> None:
        now, step = datetime.now(UTC), (since - until) / len(contacts)
        for number, one in enumerate(contacts):
            one["updatedAt"] = (now - since + number * step).isoformat(timespec="milliseconds")
        with ThreadPoolExecutor(4) as threads:
            placed = threads.map(lambda one: self._vendors.place("hubspot", "contacts", one), contacts)
            for one, made in zip(contacts, placed, strict=True):
                one |= {name: made[name] for name in ("id", "createdAt")}


def start(facade: Facade, connection: str) -> None:
    """Start a run by the command."""
    command = ("reconcile", "start", "--connection", connection, "--object", "customer")
    assert facade.lockstitch(*command).returncode == 0


def until_hurried(facade: Facade, look: Callable[[], Any]) -> Any:
    """Wait until `look` returns something true, while a page that waits for its turn is read at once."""

    def hurried() -> Any:
        result = look()
        if not result and facade.sql(HURRY):
            facade.sql(WAKE)
        return result

    return until(hurried, timeout=PATIENCE)


def reconcile(facade: Facade, connection: str) -> None:
    """Start a run, and wait until it has ended. Its pages do not wait for each other."""
    runs = facade.sql(COMPLETED)[0]["number"]
    start(facade, connection)

    until_hurried(facade, lambda: facade.sql(COMPLETED)[0]["number"] > runs and facade.sql(LEFT)[0]["number"] == 0)


def findings(operator: Caller, **query: Any) -> list[dict[str, Any]]:
    return expect(operator.get("/ops/reconciliations", params={"limit": 250} | query)).json()["data"]


def number_of_missed(facade: Facade) -> float:
    """The worker's count of changes that no webhook of HubSpot reported."""
    with facade.calling(url=facade.worker.url) as worker:
        metrics = worker.get("/metrics").text
    match = re.search(r'lockstitch_webhooks_missed_total\{connection="hubspot",object="customer"\} (\S+)', metrics)
    assert match is not None
    return float(match[1])


def settle(facade: Facade) -> list[dict[str, Any]]:
    """Wait until all webhooks are sent and processed, and return them."""
    until(lambda: not facade.vendors.sent_webhooks("hubspot", "waiting"), timeout=PATIENCE)
    until(lambda: facade.sql(UNDER_WAY)[0]["number"] == 0, timeout=PATIENCE)
    return facade.vendors.sent_webhooks("hubspot")


def changed_since(facade: Facade, before: Counter[str]) -> Counter[str]:
    """How many Events of a change each contact has, beyond those `before`."""
    return Counter(row["record"].removeprefix("customer:") for row in facade.sql(CHANGED)) - before


@pytest.mark.parametrize(
    ("repair", "contacts"), [("report", 240), ("emit", 240), pytest.param("emit", 5_000, marks=pytest.mark.long)]
)
def test_what_a_vendor_drops_in_a_day_is_found(facade: Facade, repair: str, contacts: int) -> None:
    facade.add_configuration(f'[connections.hubspot.reconcile]\nrepair = "{repair}"\nevery = "off"\n')
    facade.start()
    account = Account(facade, contacts)
    with facade.calling() as operator:
        reconcile(facade, "hubspot")
        assert findings(operator) == []  # the first listing is no news
        with sending_webhooks(facade, "hubspot"):
            account.pass_day("Painter", days_ago=2)
            settle(facade)
            assert changed_since(facade, Counter()) == Counter(account.ids)
            reconcile(facade, "hubspot")
            assert findings(operator) == []
            assert number_of_missed(facade) == 0

            fault = {"vendor": "hubspot", "fault": {"kind": "drop_webhook"}, "rate": 0.03, "seed": 7}
            assert httpx.post(f"{facade.emulators.url}/_emulator/faults", json=fault, verify=NO_TLS).status_code == 201
            account.pass_day("Potter", days_ago=1)
            sent = settle(facade)
        delivered = changed_since(facade, Counter(account.ids))
        dropped = set(account.ids) - set(delivered)
        assert len(dropped) == sum(one["state"] == "dropped" for one in sent) > 0
        assert set(delivered.values()) == {1}

        reconcile(facade, "hubspot")

        missed = findings(operator)
        assert sorted(one["remote_id"] for one in missed) == sorted(dropped)[:250]
        assert {(one["kind"], *one["fields"]) for one in missed} == {("missed", "job_title")}
        assert number_of_missed(facade) == len(dropped)
        changed = changed_since(facade, Counter(account.ids))
        assert changed == (Counter(account.ids) if repair == "emit" else delivered)
        assert all((one["closed_at"] is not None) == one["is_repaired"] == (repair == "emit") for one in missed)

        reconcile(facade, "hubspot")
        assert [one["id"] for one in findings(operator)] == [one["id"] for one in missed]
        assert number_of_missed(facade) == len(dropped)
        assert_is_csv(operator, missed)
    warned = f"{len(dropped)} records differ from what was last seen of them" in facade.lockstitch("doctor").stdout
    assert warned == (repair == "report")


@pytest.mark.parametrize("contacts", [60, pytest.param(5_000, marks=pytest.mark.long)])
def test_changes_of_an_hour_with_a_wrong_secret_are_pulled(facade: Facade, contacts: int) -> None:
    facade.add_configuration('[connections.hubspot.pull]\nevery = "1d"\n')
    facade.emulators.start()
    facade.vendors.limit("hubspot", per_minute=10_000_000, search_lag=0.0)
    account = Account(facade, contacts)
    facade.start()
    until(lambda: facade.sql(PULLED), timeout=PATIENCE)
    facade.sql(AN_HOUR_AGO)
    control = f"{facade.emulators.url}/_emulator/webhooks"
    with sending_webhooks(facade, "hubspot"):
        target = {"vendor": "hubspot", "url": f"{facade.api.url}/v1/webhooks/hubspot", "secret": "of another app"}
        assert httpx.put(control, json=target, verify=NO_TLS).status_code == 200
        account.pass_time("Painter", timedelta(minutes=65), timedelta(minutes=30))
        account.pass_time("Potter", timedelta(minutes=30), timedelta(minutes=1), every=2)
        until(lambda: facade.sql(REFUSED)[0]["refused"], lambda refused: refused >= contacts, timeout=PATIENCE)
        assert facade.sql(CHANGED) == []
        runs = facade.sql(COMPLETED)[0]["number"]

        with sending_webhooks(facade, "hubspot"):  # with the right secret
            account.pass_time("Turner", timedelta(), timedelta(), every=contacts)
            until(lambda: facade.sql(COMPLETED)[0]["number"] > runs, timeout=PATIENCE)
            until(lambda: facade.sql(UNDER_WAY)[0]["number"] == 0, timeout=PATIENCE)

    titles: dict[str, list[str]] = defaultdict(list)
    for event in asyncio.run(events_of(facade.database_url)):
        assert event["type"] == "customer.updated"
        titles[event["data"]["meta"]["remote_id"]].append(event["data"]["job_title"])
    assert {id: each[-1] for id, each in titles.items()} == account.titles
    assert all(len(set(each)) == len(each) for each in titles.values())


def assert_is_csv(operator: Caller, expected: list[dict[str, Any]]) -> None:
    """The same findings are listed as CSV, page by page."""
    answer = operator.get("/ops/reconciliations", params={"limit": 3}, headers={"accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["remote_id"] for row in rows] == [one["remote_id"] for one in expected[:3]]
    assert {row["fields"] for row in rows} == {"job_title"}
    assert 'rel="next"' in answer.headers["link"]
    assert operator.get("/ops/reconciliations", headers={"accept": "image/png"}).status_code == 406
    assert findings(operator, kind="absent") == []
    assert code_of(operator.write("POST", f"/ops/reconciliations/{expected[0]['id']}/confirm"), 409) == "state-conflict"
    assert code_of(operator.write("POST", "/ops/reconciliations/rec_of_nothing/confirm"), 404) == "not-found"


def kill_after(facade: Facade, pages: int) -> None:
    """Kill the worker once the run has so many pages, and start another one."""
    until_hurried(
        facade, lambda: facade.sql("SELECT pages FROM walk WHERE purpose = 'reconcile' AND pages >= $1", pages)
    )
    facade.worker.kill()
    facade.worker.start()


def test_a_run_goes_on_after_its_workers_are_killed(facade: Facade) -> None:
    rule = '[connections.pulled-salesforce.reconcile]\ngrace = "1s"\nevery = "off"\n'
    facade.add_configuration(connection_table(facade, "salesforce", "customers", page=4) + rule)
    facade.emulators.start()
    made = [facade.vendors.place("salesforce", "Contact", {"LastName": f"Lovelace {n}"}) for n in range(CONTACTS)]
    facade.worker.start()
    until(lambda: facade.sql(COMPLETED)[0]["number"] == 1)  # the baseline of the pull
    gone, changed = made[0], made[-1]
    facade.vendors.place("salesforce", "Contact", gone | {"IsDeleted": True})
    facade.vendors.place("salesforce", "Contact", changed | {"Title": "Potter"})
    start(facade, "pulled-salesforce")
    walks = until(lambda: facade.sql("SELECT id, pages FROM walk WHERE purpose = 'reconcile'"))
    for pages in (1, 3, 5):
        kill_after(facade, pages)

    (run,) = until_hurried(
        facade,
        lambda: facade.sql(
            "SELECT facts FROM audit_event WHERE type = 'walk.completed' AND subject = $1", walks[0]["id"]
        ),
    )
    until(lambda: facade.sql("SELECT count(*)::integer AS number FROM reconcile_finding")[0]["number"] == 2)

    contacts = facade.vendors.records("salesforce", "Contact")
    assert json.loads(run["facts"])["records"] == len(contacts) - 1
    listed = facade.lockstitch("reconcile", "list", "--json")
    kinds = {one["kind"]: one["remote_id"] for one in json.loads(listed.stdout)["data"]}
    assert kinds == {"absent": gone["Id"], "missed": changed["Id"]}
    assert (
        facade.sql("SELECT count(*)::integer AS number FROM walk_seen WHERE walk = $1", walks[0]["id"])[0]["number"]
        == 0
    )
