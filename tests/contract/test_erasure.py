"""An erased person is nowhere in the database, opened, and does not return by any way that is not theirs."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from random import randint
from typing import Any, Final

import asyncpg
import pytest

from tests.commands import exits
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.exports import LEGACY, export, line, send, settled
from tests.contract.facade import Facade
from tests.contract.operator import Operator
from tests.contract.own_facade import own_key
from tests.contract.samples import customer, order, ticket, word
from tests.contract.stored_people import stored
from tests.contract.undecided_writes import forget_outcome
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver
from tests.contract.webhook_senders import WebhookEndpoint, shopify

NOBODY: Final = "127.0.0.1/32:9"
"""No one listens there."""
PULLS: Final = "".join(
    f'\n[connections.{connection}.pull]\n{objects} = {{ every = "1d" }}\n'
    for connection, objects in (("hubspot", "customers"), ("shopify", "orders"), ("zendesk", "tickets"))
)
ERASE: Final = "/ops/persons/erase"
PERSONS: Final = "/console/persons"
WAITS: Final = """
    SELECT FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event = 'transactionid' AND query LIKE '%FROM operation %FOR UPDATE'
"""


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module that pulls, and whose subscribers are away."""
    folder = tmp_path_factory.mktemp("erasure")
    facade = Facade(folder, module_database_url, more=LEGACY + PULLS, LOCKSTITCH_EGRESS_ALLOW=NOBODY)
    with facade.running():
        yield facade


full_key = own_key()


@pytest.fixture(scope="module")
def reader(running_facade: Facade) -> Iterator[Operator]:
    """A browser at the console, with a key that may only read."""
    with Operator(running_facade.api.url) as browser:
        browser.sign_in(running_facade.make_key("ops:read").secret)
        yield browser


class KnownPerson:
    """A person of whom every part of Lockstitch knows something."""

    def __init__(self, facade: Facade, caller: Caller) -> None:
        self.facade, self.caller, self.driver = facade, caller, WebhookDriver(facade, caller)
        self.mark, self.phone = word(), f"+4930{randint(10**7, 10**8 - 1)}"
        self.email = f"{self.mark}@example.com"
        self.words = (self.mark, self.phone, self.phone[1:])
        self.key = new_key()
        where = {"line1": f"{self.mark} street 1", "city": "Bristol", "country_code": "GB"}
        self.body = customer("hubspot", self.mark, phones=[{"raw": self.phone}])
        self.crm = caller.create("/v1/customers?connection=hubspot", self.body, key=self.key)
        self.buyer = caller.create("/v1/customers?connection=shopify", customer("shopify", self.mark))
        bought = order(self.mark, customer={"email": self.email}, shipping_address=where, customer_note=self.phone)
        bought["line_items"][0]["name"] = "Mug"
        self.order = caller.create("/v1/orders?connection=shopify", bought)
        self.ticket = caller.create("/v1/tickets?connection=zendesk", ticket("zendesk", self.mark))
        comment = {"body_text": f"{self.mark} called from {self.phone}."}
        caller.create(f"/v1/tickets/{self.ticket['id']}/comments", comment)
        upload = settled(caller, send(caller, export(line(1, name=self.mark, email=self.email))))
        assert upload["refused"] == 0

    def report(self) -> None:
        """Report all records by webhooks, and wait until they are processed."""
        facts = {"propertyName": "lastname", "propertyValue": self.mark}
        for vendor, object_name, made in (
            ("hubspot", "customer", self.crm),
            ("shopify", "customer", self.buyer),
            ("shopify", "order", self.order),
            ("zendesk", "ticket", self.ticket),
        ):
            more = facts if vendor == "hubspot" else {}
            receipt = self.driver.send(vendor, object_name, "updated", made["meta"]["remote_id"], **more)  # type: ignore[arg-type]
            self.driver.await_settled(receipt)
        endpoint = WebhookEndpoint(self.facade, "shopify")
        buyer = {"email": self.email, "customer": {"first_name": self.mark}}
        for topic, record in (("orders/updated", int(self.order["meta"]["remote_id"])), ("checkouts/update", 7)):
            sent = shopify(endpoint.url, topic=topic, body=json.dumps({"id": record, **buyer}).encode())
            self.driver.await_settled(self.driver.deliver(endpoint, sent))

    def pull(self) -> None:
        """Pull everything, and wait for the end."""
        began = self.facade.sql("SELECT now() AS now")[0]["now"]
        self.facade.sql("UPDATE watermark SET tried_at = now() - interval '2 days'")
        late = "SELECT 1 FROM watermark WHERE started_at IS NULL OR started_at < $1 OR completed_at IS NULL"
        until(lambda: not self.facade.sql(late, began))
        until(lambda: not self.facade.sql("SELECT 1 FROM job WHERE kind IN ('walk', 'refetch')"))

    def backfill(self) -> None:
        """Read everything from the beginning."""
        for connection, object_name in (("hubspot", "customer"), ("shopify", "order"), ("zendesk", "ticket")):
            wanted = {"connection": connection, "object": object_name}
            begun = self.caller.post("/v1/backfills", json=wanted).raise_for_status().json()
            path = f"/v1/backfills/{begun['id']}"
            until(lambda path=path: self.caller.get(path).json(), lambda one: one["state"] == "completed")  # type: ignore[misc]
        until(lambda: not self.facade.sql("SELECT 1 FROM job WHERE kind IN ('walk', 'refetch')"))

    def erased(self, erasure: str) -> dict[str, Any]:
        """Wait for the end of the erasure."""
        path = f"/ops/erasures/{erasure}"
        return until(lambda: self.caller.get(path).raise_for_status().json(), lambda one: one["state"] == "done")


def test_an_erased_person_is_gone_for_good(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    target = {"target_url": "http://127.0.0.1:9/", "events": ["*"]}
    assert caller.post("/v1/subscriptions", json=target).status_code == 201
    other = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    person = KnownPerson(facade, caller)
    person.report()
    known = stored(facade, person.words)
    columns = {"record_state.data", "event.body", "operation.intent", "operation.answer", "job.payload"}
    assert known.keys() >= {*columns, "inbound_event.payload"}
    assert "audit_event" not in known

    repeated = exits(facade.lockstitch("person", "erase", "--email", person.email))
    assert "Nothing was erased" in repeated.stdout
    assert stored(facade, person.words) == known
    begun = exits(facade.lockstitch("person", "erase", "--email", person.email, "--confirm", "--json"))
    erasure = person.erased(json.loads(begun.stdout)["id"])
    assert erasure["changed"].keys() >= {"record_state", "event", "operation", "inbound_event", "job"}
    assert stored(facade, person.words) == {}

    expect(caller.write("POST", "/v1/customers?connection=hubspot", person.body, key=person.key), 410, "erased")
    operation = caller.get(f"/v1/operations/{person.crm['meta']['operation_id']}").json()
    assert (operation["state"], operation["problem"]["code"]) == ("succeeded", "erased")
    assert code_of(caller.get(f"/v1/customers/hubspot:{person.crm['meta']['remote_id']}"), 410) == "erased"
    assert code_of(caller.get(f"/v1/customers/{person.crm['id']}"), 404) == "not-found"
    left = caller.get(f"/v1/orders/{person.order['id']}?include=raw").json()
    assert (left["customer"], left["shipping_address"], left["customer_note"], left["raw"]) == (None, None, None, {})
    assert left["totals"]["total"] == person.order["totals"]["total"]
    about = caller.get("/v1/events?type=customer.erased&limit=250").json()["data"]
    (event,) = [one for one in about if person.crm["id"] in (one["data"]["id"], *one["data"]["aliases"])]
    assert {"connection": "hubspot", "remote_id": person.crm["meta"]["remote_id"]} in event["data"]["records"]

    person.report()
    person.pull()
    person.backfill()
    copy = {"connection": "zendesk", "match_on": "email"}
    source = f"/v1/customers/hubspot:{person.crm['meta']['remote_id']}/copies"
    assert code_of(caller.write("POST", source, copy), 410) == "erased"
    assert code_of(caller.write("POST", "/v1/customers?connection=zendesk", person.body), 410) == "erased"
    row = export(line(1, name=person.mark, email=person.email))
    assert settled(caller, send(caller, row))["accepted"] == 1
    listed = caller.get("/v1/customers?connection=hubspot&limit=100").json()["data"]
    assert [one["id"] for one in listed if one["id"] in (other["id"], person.crm["id"])] == [other["id"]]
    assert stored(facade, person.words) == {}
    assert caller.get(f"/v1/customers/{other['id']}").status_code == 200
    assert vendors.records("hubspot", "contacts", holding=person.mark)  # the vendor has its own erasure
    verified = facade.lockstitch("audit", "verify", "--json")
    assert json.loads(verified.stdout)["intact"] is True

    assert caller.post(f"/ops/erasures/{erasure['id']}/lift").json()["state"] == "lifted"
    again = f"/v1/customers/hubspot:{person.crm['meta']['remote_id']}"
    assert until(lambda: caller.get(again), lambda answer: answer.status_code == 200).json()["last_name"] == person.mark
    assert code_of(caller.post(f"/ops/erasures/{erasure['id']}/lift"), 409) == "state-conflict"
    assert settled(caller, send(caller, export(line(1, name=f"{person.mark}s", email=person.email))))["accepted"] == 1
    assert caller.get("/v1/customers/legacy:C00001").json()["last_name"] == f"{person.mark}s"


def test_a_person_stays_away_until_each_erasure_is_lifted(facade: Facade, caller: Caller) -> None:
    body = customer("hubspot", word())
    name = {"email": body["emails"][0]["address"]}
    caller.create("/v1/customers?connection=hubspot", body)
    erasures = list[str]()
    for _ in range(2):
        erasures.append(caller.post(ERASE, json=name | {"dry_run": False}).headers["location"])
        until(lambda: caller.get(erasures[-1]).json()["state"], lambda state: state == "done")
    ids = [one.rpartition("/")[2] for one in erasures]
    assert caller.post(ERASE, json=name).json()["erasures"] == ids
    exported = exits(facade.lockstitch("person", "export", "--email", name["email"])).stdout
    assert f"Erased: {', '.join(ids)}" in exported

    again = {"emails": body["emails"], "last_name": "Back"}
    caller.post(f"{erasures[1]}/lift").raise_for_status()
    (left,) = until(lambda: caller.post(ERASE, json=name).json()["erasures"], lambda left: len(left) == 1)
    assert left == ids[0]
    assert code_of(caller.write("POST", "/v1/customers?connection=zendesk", again), 410) == "erased"
    caller.post(f"{erasures[0]}/lift").raise_for_status()
    until(lambda: caller.write("POST", "/v1/customers?connection=zendesk", again).status_code, lambda code: code == 201)


def test_an_erasure_waits_for_undecided_writes(facade: Facade, caller: Caller) -> None:
    mark = word()
    body = customer("hubspot", mark)
    made = caller.create("/v1/customers?connection=hubspot", body)
    path = f"/v1/customers/{made['id']}"
    waiting = [
        caller.write("PATCH", path, change, headers={"lockstitch-approval": "required"})
        for change in ({"last_name": f"{mark} Bell"}, {"first_name": f"{mark} Ann"})
    ]
    assert [one.status_code for one in waiting] == [202, 202]
    begun = caller.post(ERASE, json={"id": made["id"], "dry_run": False})
    assert (begun.status_code, begun.headers["location"]) == (202, f"/ops/erasures/{begun.json()['id']}")
    undecided = sorted(one.json()["id"] for one in waiting)  # a delivery that is under way is waited for too
    state = until(lambda: caller.get(begun.headers["location"]).json(), lambda one: one["waits_for"] == undecided)
    assert state["state"] == "running"
    row = "SELECT xmin::text AS pass FROM erasure WHERE id = $1"
    job = "SELECT run_at FROM job WHERE kind = 'erase' AND state = 'ready' AND origin = $1"
    passed, (waits,) = facade.sql(row, state["id"]), until(lambda: facade.sql(job, state["id"]), bool)
    until(lambda: facade.sql(job, state["id"]), lambda now: bool(now) and now[0]["run_at"] > waits["run_at"])
    assert facade.sql(row, state["id"]) == passed  # it looked at what it waits for, and searched nothing
    with facade.calling("approvals:write") as desk:
        for ended in list(undecided):
            expect(desk.post(f"/v1/operations/{ended}/reject", json={"note": "gone"}))
            undecided.remove(ended)
            until(lambda: caller.get(begun.headers["location"]).json(), lambda one: one["waits_for"] == undecided)
    until(lambda: caller.get(begun.headers["location"]).json(), lambda one: one["state"] == "done")
    assert stored(facade, [mark]) == {}


def test_an_erasure_waits_for_an_unknown_write(facade: Facade, caller: Caller, reader: Operator) -> None:
    mark = word()
    unknown, made = forget_outcome(
        facade, caller, "POST", "/v1/customers?connection=hubspot", customer("hubspot", mark)
    )
    email = f"{mark}@example.com"
    assert unknown in caller.post(ERASE, json={"email": email}).json()["waits_for"]
    begun = caller.post(ERASE, json={"email": email, "dry_run": False})
    # A delivery that is under way is waited for too.
    state = until(lambda: caller.get(begun.headers["location"]).json(), lambda one: one["waits_for"] == [unknown])
    assert state["state"] == "running"
    assert f"Waits for {unknown}" in facade.lockstitch("person", "status", state["id"]).stdout
    assert f"/console/writes/{unknown}" in reader.get(f"/console/erasures/{state['id']}").text
    decided = {"outcome": "succeeded", "remote_id": made["meta"]["remote_id"]}
    resolved = caller.post(f"/v1/operations/{unknown}/resolve", json=decided)
    assert (resolved.status_code, mark in resolved.text) == (200, False), resolved.text
    until(lambda: caller.get(begun.headers["location"]).json(), lambda one: one["state"] == "done")
    assert stored(facade, [mark]) == {}


def test_writes_under_way_end_before_their_erasure(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    mark = word()
    facade.worker.stop()
    try:
        vendors.lose_reply("hubspot", method="POST", path="/crm/v3/objects/contacts")
        writes = [
            caller.write("POST", f"/v1/customers?connection={name}", customer(name, mark), headers={"prefer": prefer})
            for name, prefer in (("hubspot", "wait=1"), ("shopify", "respond-async"))
        ]
        assert [answer.status_code for answer in writes] == [202, 202]
        begun = caller.post(ERASE, json={"email": f"{mark}@example.com", "dry_run": False})
    finally:
        facade.worker.start()
    until(lambda: caller.get(begun.headers["location"]).json(), lambda one: one["state"] == "done")
    for answer in writes:
        ended = caller.get(answer.headers["location"]).json()
        assert (ended["state"], ended["problem"]["code"]) == ("succeeded", "erased")
    assert stored(facade, [mark]) == {}


def test_a_worker_that_is_killed_in_a_pass_loses_nothing(facade: Facade, caller: Caller) -> None:
    mark = word()
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", mark))
    bought = order(mark)
    bought["line_items"][0]["name"] = "Mug"
    caller.create("/v1/orders?connection=shopify", bought)
    with locked(facade, "SELECT FROM operation WHERE id = $1 FOR UPDATE", made["meta"]["operation_id"]):
        begun = caller.post(ERASE, json={"id": made["id"], "dry_run": False})
        until(lambda: facade.sql(WAITS))
        facade.worker.kill()
    left = stored(facade, [mark])
    assert "operation.intent" in left
    expired = facade.sql("UPDATE job SET lease_until = now() WHERE kind = 'erase' RETURNING state")
    assert expired == [{"state": "running"}]
    facade.worker.start()
    erasure = until(lambda: caller.get(begun.headers["location"]).json(), lambda one: one["state"] == "done")
    assert erasure["changed"].keys() >= {"operation", "event"}
    assert stored(facade, [mark]) == {}


@contextmanager
def locked(facade: Facade, statement: str, *arguments: object) -> Iterator[None]:
    """Lock rows during the block."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(facade.database_url))
        runner.run(connection.execute("BEGIN"))
        assert runner.run(connection.fetch(statement, *arguments))
        yield
        runner.run(connection.close())


def test_the_console_erases_a_person(facade: Facade, caller: Caller, reader: Operator) -> None:
    mark = word()
    email = f"{mark}@example.com"
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", mark))
    page = expect(reader.submit(PERSONS, PERSONS, {"person": email}))
    for text in (email, made["id"], f"hubspot:{made['meta']['remote_id']}", "<code>record_state</code></td><td>1<"):
        assert text in page.text
    assert f'action="{PERSONS}/erase"' not in page.text
    assert reader.submit(PERSONS, f"{PERSONS}/erase", {"person": email, "confirmed": "1"}).status_code == 403
    for wrong, status in (("ann", 422), ("cus_0198f0a2b7c47d3c9a51f2e80b6c4d17", 404)):
        assert reader.submit(PERSONS, PERSONS, {"person": wrong}).status_code == status
    with Operator(facade.api.url) as operator:
        operator.sign_in(facade.make_key("ops:read", "ops:write", name="nina-of-persons").secret)
        preview = operator.submit(PERSONS, f"{PERSONS}/erase", {"person": made["id"]})
        assert "<code>operation</code></td><td>1<" in preview.text
        assert stored(facade, [mark])
        done = operator.submit(PERSONS, f"{PERSONS}/erase", {"person": made["id"], "confirmed": "1"})
        following = done.headers["location"]
        text = until(lambda: operator.get(following).text, lambda text: 'state good">done' in text)
    assert "nina-of-persons" in text
    assert following.rpartition("/")[2] in reader.get(PERSONS).text
    assert stored(facade, [mark]) == {}
    assert mark not in facade.api.log + facade.worker.log


def test_an_order_goes_on_without_the_person(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    mark = word()
    bought = order(mark, shipping_address={"line1": f"{mark} street 1", "country_code": "GB"}, customer_note=mark)
    made = caller.create("/v1/orders?connection=shopify", bought)
    path = f"/v1/orders/{made['id']}"
    begun = caller.post(ERASE, json={"email": f"{mark}@example.com", "dry_run": False}).json()
    until(lambda: caller.get(f"/ops/erasures/{begun['id']}").json(), lambda one: one["state"] == "done")
    read = caller.get(path)
    assert (read.json()["customer"], read.json()["shipping_address"]) == (None, None)
    changed = caller.write("PATCH", path, {"tags": ["gift"]}, headers={"if-match": read.headers["etag"]})
    assert (changed.status_code, changed.json()["tags"]) == (200, ["gift"]), changed.text
    assert mark not in changed.text.replace(f"Mug {mark}", "")
    # No write has cleared it at the vendor.
    (order_record,) = vendors.records("shopify", "Order", holding=f"{mark} street 1")
    assert order_record["note"] == mark
    copy = {"connection": "hubspot", "match_on": "external_id"}
    assert code_of(caller.write("POST", f"{path}/copies", copy), 410) == "erased"


def test_dead_letters_of_the_person_are_discarded(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    mark = word()
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", mark))
    vendors.break_("hubspot", "drift", path="/crm/v3/objects/contacts*", times=None, change="type")
    driver = WebhookDriver(facade, caller)
    facts = {"propertyName": "lastname", "propertyValue": mark}
    receipt = driver.send("hubspot", "customer", "updated", made["meta"]["remote_id"], **facts)
    letter = driver.dead_letter_of(receipt)
    vendors.mend()
    begun = caller.post(ERASE, json={"id": made["id"], "dry_run": False}).json()
    until(lambda: caller.get(f"/ops/erasures/{begun['id']}").json(), lambda one: one["state"] == "done")
    letter_view = caller.get(f"/ops/dead-letters/{letter['id']}").json()
    assert (letter_view["state"], letter_view["decision"]["because"]) == ("discarded", "the person was erased")
    assert stored(facade, [mark]) == {}


@pytest.mark.parametrize("body", [{"dry_run": False}, {"email": "ann"}, {"id": "cus_1", "email": "ann@example.com"}])
def test_an_order_to_erase_names_one_person(caller: Caller, body: dict[str, Any]) -> None:
    assert code_of(caller.post(ERASE, json=body), 422) == "invalid-field"


def test_an_unknown_erasure_is_not_found(caller: Caller) -> None:
    assert code_of(caller.get("/ops/erasures/era_0198f0a2b7c47d3c9a51f2e80b6c4d17"), 404) == "not-found"
    assert code_of(caller.get("/ops/erasures/op_0198f0a2b7c47d3c9a51f2e80b6c4d17"), 404) == "not-found"
