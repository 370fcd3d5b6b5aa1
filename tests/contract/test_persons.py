"""What is stored about a person is exported, and erased for good."""

import json
from collections import Counter
from contextlib import closing
from html import unescape
from typing import Any

import pytest

from app.capabilities import SEALED_COLUMNS
from app.persons.store.persons import NOT_SEARCHED, SEARCHED
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.otlp import Collector, attribute
from tests.contract.own_facade import own_facade
from tests.contract.samples import customer, order, ticket, word
from tests.contract.stored_people import stored
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver

# A search opens every value of its Lockstitch.
running_facade, full_key = own_facade()

EXPORT = "/ops/persons/export"
ERASE = "/ops/persons/erase"


def known_person(caller: Caller, facade: Facade, mark: str) -> dict[str, Any]:
    """A customer of the CRM who has bought, and has asked for help. A webhook has told of the name."""
    made = caller.create(
        "/v1/customers?connection=hubspot", customer("hubspot", mark, phones=[{"raw": "+441174960123"}])
    )
    caller.create("/v1/orders?connection=shopify", order(mark))
    caller.create("/v1/tickets?connection=zendesk", ticket("zendesk", mark))
    facts = {"propertyName": "lastname", "propertyValue": mark}
    driver = WebhookDriver(facade, caller)
    driver.await_settled(driver.send("hubspot", "customer", "updated", made["meta"]["remote_id"], **facts))
    return made


def test_every_sealed_column_is_searched_or_holds_no_people() -> None:
    assert {column.table for column in SEALED_COLUMNS} == {*SEARCHED, *NOT_SEARCHED}


def test_an_export_has_what_is_stored_and_no_one_else(caller: Caller, facade: Facade) -> None:
    mark = word()
    made, other = known_person(caller, facade, mark), f"jo{mark}"
    stranger = caller.create("/v1/customers?connection=hubspot", customer("hubspot", other))
    by_email = expect(caller.post(EXPORT, json={"email": f" {mark.upper()}@example.com".strip()}))
    exported = by_email.json()
    assert exported["emails"] == [f"{mark}@example.com"]
    assert f"hubspot:{made['meta']['remote_id']}" in exported["records"]
    assert made["id"] in exported["ids"]
    tables = Counter(row["table"] for row in exported["rows"])
    assert {"record_state", "operation", "event", "inbound_event", "link", "match_key", "audit_event"} <= set(tables)
    states = {row["facts"]["object"] for row in exported["rows"] if row["table"] == "record_state"}
    assert states == {"customer", "order", "ticket"}
    (state,) = [
        row["contents"]["data"]
        for row in exported["rows"]
        if row["table"] == "record_state" and row["facts"]["remote_id"] == made["meta"]["remote_id"]
    ]
    assert (state["last_name"], state["phones"][0]["e164"]) == (mark, "+441174960123")
    intents = [row["contents"].get("intent") for row in exported["rows"] if row["table"] == "operation"]
    assert any(one["body"]["last_name"] == mark for one in intents if one and "last_name" in one["body"])
    assert other not in by_email.text
    assert stranger["id"] not in by_email.text

    output = facade.lockstitch("person", "export", "--id", made["id"], "--json")
    assert output.returncode == 0, output.stderr
    by_id = Counter(row["table"] for row in json.loads(output.stdout)["rows"])
    assert {**by_id, "audit_event": 0} == {**tables, "audit_event": 0}
    table = facade.lockstitch("person", "export", "--email", f"{mark}@example.com")
    assert "  record_state: 3 rows" in table.stdout or "  record_state: 4 rows" in table.stdout
    (audited, *_) = facade.sql("SELECT * FROM audit_event WHERE type = 'person.exported' ORDER BY id DESC")
    assert audited["subject"] == made["id"] or audited["subject"] in exported["ids"]
    assert mark not in repr(audited)


def test_an_export_takes_as_many_queries_for_many_rows_as_for_few(
    caller: Caller, facade: Facade, full_key: str
) -> None:
    few, many = (caller.create("/v1/customers?connection=hubspot", customer("hubspot")) for _ in range(2))
    for place in range(8):
        expect(caller.write("PATCH", f"/v1/customers/{many['id']}", {"job_title": f"Potter {place}"}))
    rows, runs = [], [new_key(), new_key()]
    with closing(Collector()) as collector:
        traced = {**collector.environment, "LOCKSTITCH_TRACE_SQL": "1"}
        with facade.another_api(**traced) as api, Caller(api.url, full_key) as other:
            other.post(EXPORT, json={"id": few["id"]})  # the first call of a process reads more
            for run, person in zip(runs, (few, many), strict=True):
                answer = other.post(EXPORT, json={"id": person["id"]}, headers={"x-correlation-id": run})
                rows.append(len(expect(answer).json()["rows"]))
        queries = Counter(
            attribute(span, "correlation.id") for span in collector.spans() if attribute(span, "db.system.name")
        )
    assert rows[1] >= rows[0] + 16  # an operation and an event of each change
    assert queries[runs[1]] == queries[runs[0]] > 0


@pytest.mark.parametrize("body", [{}, {"email": "ann"}, {"id": "ord_1"}, {"email": "a@example.com", "id": "cus_1"}])
def test_a_person_has_one_name(caller: Caller, body: dict[str, str]) -> None:
    assert code_of(caller.post(EXPORT, json=body), 422) == "invalid-field"


def test_an_export_needs_a_known_id_and_the_scope(caller: Caller, facade: Facade) -> None:
    assert code_of(caller.post(EXPORT, json={"id": "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"}), 404) == "not-found"
    with facade.calling("ops:read") as narrow:
        assert code_of(narrow.post(EXPORT, json={"email": "ann@example.com"}), 403) == "forbidden"


def test_values_that_no_key_opens_do_not_hold_up_the_others(caller: Caller, facade: Facade) -> None:
    mark = word()
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", mark))
    stranger = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))["meta"]["operation_id"]
    damage = "UPDATE operation SET intent = set_byte(intent, 40, 255 - get_byte(intent, 40)) WHERE id = $1"
    facade.sql(damage, stranger)
    exported = caller.post(EXPORT, json={"id": made["id"]}).raise_for_status().json()
    assert {"record_state", "operation", "event"} <= {row["table"] for row in exported["rows"]}
    assert exported["unreadable"] == ["operation: 1 value not as sealed with key 'k1'"]
    preview = facade.lockstitch("person", "erase", "--id", made["id"])
    assert f"Not searched: {exported['unreadable'][0]}." in preview.stdout
    with Operator(facade.api.url) as reader:
        reader.sign_in(facade.make_key("ops:read").secret)
        page = unescape(reader.submit("/console/persons", "/console/persons", {"person": made["id"]}).text)
    assert exported["unreadable"][0] in page

    # An erasure removes what it can read, and does not end before it has read all.
    erasure = caller.post(ERASE, json={"id": made["id"], "dry_run": False}).headers["location"]
    letters = "/ops/dead-letters?kind=erase&state=open"
    (letter,) = until(lambda: caller.get(letters).json()["data"], lambda data: bool(data))
    assert exported["unreadable"][0] in letter["failure"]["reason"]
    assert caller.get(erasure).json()["state"] == "running"
    facade.sql(damage, stranger)
    assert stored(facade, [mark]) == {"erasure.person": 1}
    caller.post(f"/ops/dead-letters/{letter['id']}/redrive").raise_for_status()
    until(lambda: caller.get(erasure).json(), lambda one: one["state"] == "done")
    assert stored(facade, [mark]) == {}
