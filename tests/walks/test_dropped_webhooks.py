"""Reconcile beside webhooks that the vendor drops, and by workers that are killed with -9; over HTTP, as CSV, and on
the command line."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.contract.callers import Caller, code_of
from tests.contract.facade import SECRETS, Facade
from tests.contract.processes import NO_TLS
from tests.contract.quiet import UNDER_WAY, sending_webhooks
from tests.contract.waiting import until
from tests.walks.stage import connection_table

CONTACTS: Final = 40
LEFT: Final = "SELECT count(*)::integer AS number FROM job WHERE kind IN ('walk', 'reconcile', 'refetch')"
COMPLETED: Final = "SELECT count(*)::integer AS number FROM audit_event WHERE type = 'walk.completed'"
CHANGED: Final = "SELECT record FROM event WHERE connection = 'hubspot' AND type = 'customer.updated'"


@pytest.fixture
def facade(tmp_path: Path, database_url: str) -> Iterator[Facade]:
    token = EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_SALESFORCE_TOKEN"]
    facade = Facade(tmp_path, database_url, LOCKSTITCH_JOB_LEASE="2", LOCKSTITCH_DEV_SALESFORCE_TOKEN=token)
    yield facade
    facade.stop()


def place(facade: Facade, number: int) -> str:
    record = {"properties": {"firstname": "Ada", "lastname": f"Lovelace {number}"}}
    return str(at_hubspot(facade, "POST", "", record)["id"])


def at_hubspot(facade: Facade, method: str, path: str, body: Any) -> Any:
    """Call HubSpot as somebody there does."""
    url = f"{facade.emulators.url}/hubspot/crm/v3/objects/contacts{path}"
    answer = httpx.request(
        method, url, json=body, headers={"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"}, verify=NO_TLS
    )
    assert answer.is_success, answer.text
    return answer.json()


def start(facade: Facade, connection: str) -> None:
    """Start a run by the command."""
    command = ("reconcile", "start", "--connection", connection, "--object", "customer")
    assert facade.lockstitch(*command).returncode == 0


def reconcile(facade: Facade, connection: str) -> None:
    """Start a run, and wait until it has ended."""
    runs = facade.sql(COMPLETED)[0]["number"]
    start(facade, connection)
    until(lambda: facade.sql(COMPLETED)[0]["number"] > runs and facade.sql(LEFT)[0]["number"] == 0)


def findings(operator: Caller, **query: Any) -> list[dict[str, Any]]:
    answer = operator.get("/ops/reconciliations", params={"limit": 250} | query)
    assert answer.status_code == 200, answer.text
    page: list[dict[str, Any]] = answer.json()["data"]
    return page


def number_of_missed(facade: Facade) -> float:
    """The worker's count of changes that no webhook of HubSpot reported."""
    with facade.calling(url=facade.worker.url) as worker:
        metrics = worker.get("/metrics").text
    match = re.search(r'lockstitch_webhooks_missed_total\{connection="hubspot",object="customer"\} (\S+)', metrics)
    assert match is not None
    return float(match[1])


@pytest.mark.parametrize("repair", ["report", "emit"])
def test_what_a_vendor_drops_is_found(facade: Facade, repair: str) -> None:
    rule = f'grace = "2s"\nrepair = "{repair}"\nevery = "off"\n'
    facade.add_configuration(f"[connections.hubspot.reconcile]\n{rule}")
    facade.start()
    ids = [place(facade, number) for number in range(CONTACTS)]
    with facade.calling() as operator:
        reconcile(facade, "hubspot")
        assert findings(operator) == []  # the first listing is no news
        with sending_webhooks(facade, "hubspot"):
            fault = {"vendor": "hubspot", "fault": {"kind": "drop_webhook"}, "rate": 0.2, "seed": 7}
            assert httpx.post(f"{facade.emulators.url}/_emulator/faults", json=fault, verify=NO_TLS).status_code == 201
            for remote_id in ids:
                at_hubspot(facade, "PATCH", f"/{remote_id}", {"properties": {"jobtitle": "Potter"}})
            sent = until(
                lambda: facade.vendors.sent_webhooks("hubspot"),
                lambda sent: all(one["state"] != "waiting" for one in sent),
            )
            until(lambda: facade.sql(UNDER_WAY)[0]["number"] == 0)
        delivered = Counter(row["record"].removeprefix("customer:") for row in facade.sql(CHANGED))
        dropped = set(ids) - set(delivered)
        assert len(dropped) == sum(one["state"] == "dropped" for one in sent) > 0
        assert set(delivered.values()) == {1}

        reconcile(facade, "hubspot")

        missed = findings(operator)
        assert sorted(one["remote_id"] for one in missed) == sorted(dropped)
        assert {(one["kind"], *one["fields"]) for one in missed} == {("missed", "job_title")}
        assert number_of_missed(facade) == len(dropped)
        changed = Counter(row["record"].removeprefix("customer:") for row in facade.sql(CHANGED))
        assert changed == (Counter(ids) if repair == "emit" else delivered)
        assert all((one["closed_at"] is not None) == one["is_repaired"] == (repair == "emit") for one in missed)

        reconcile(facade, "hubspot")
        assert [one["id"] for one in findings(operator)] == [one["id"] for one in missed]
        assert number_of_missed(facade) == len(dropped)
        assert_is_csv(operator, missed)
    warned = f"{len(dropped)} records differ from what was last seen of them" in facade.lockstitch("doctor").stdout
    assert warned == (repair == "report")


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
    until(lambda: facade.sql("SELECT pages FROM walk WHERE purpose = 'reconcile' AND pages >= $1", pages))
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

    (run,) = until(
        lambda: facade.sql(
            "SELECT facts FROM audit_event WHERE type = 'walk.completed' AND subject = $1", walks[0]["id"]
        )
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
