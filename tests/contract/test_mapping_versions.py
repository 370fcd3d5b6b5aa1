"""Revisions in running processes: shadow, inspect, activate and revert a new one without a restart."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.commands import exits
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import customer
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver

NAME = "hubspot.customer"
HEADER = "x-lockstitch-mapping"


def decide(caller: Caller, connection: str, **order: Any) -> dict[str, Any]:
    answer = expect(caller.post(f"/ops/mappings/{NAME}/route", json={"connection": connection, **order})).json()
    return route_in(answer, connection)


def route(caller: Caller, connection: str) -> dict[str, Any]:
    (mapping,) = [one for one in expect(caller.get("/ops/mappings")).json()["data"] if one["name"] == NAME]
    return route_in(mapping, connection)


def route_in(mapping: dict[str, Any], connection: str) -> dict[str, Any]:
    (one_route,) = [one for one in mapping["routes"] if one["connection"] == connection]
    return one_route


def revision_of(caller: Caller, path: str) -> int:
    return expect(caller.get(path)).json()["meta"]["mapping"]["revision"]


def cli(facade: Facade, *arguments: str) -> Any:
    """Run `lockstitch mapping … --json` while the processes run."""
    return json.loads(exits(facade.lockstitch("mapping", *arguments, "--json")).stdout)


def place(vendors: Emulators, **properties: str) -> str:
    """A contact at HubSpot; its id."""
    placed = vendors.place("hubspot", "contacts", {"properties": {"firstname": "Ann", **properties}})
    return placed["id"]


def audited(facade: Facade, connection: str) -> list[tuple[str, str]]:
    rows = facade.sql(
        "SELECT type, actor FROM audit_event WHERE type LIKE 'mapping.%' AND subject = $1"
        " AND facts::jsonb ->> 'connection' = $2 ORDER BY id",
        NAME,
        connection,
    )
    return [(row["type"], row["actor"]) for row in rows]


@pytest.fixture(scope="module")
def second_api(running_facade: Facade) -> Iterator[str]:
    with running_facade.another_api() as process:
        yield process.url


@pytest.fixture
def other(second_api: str, full_key: str) -> Iterator[Caller]:
    """The same caller at another process of the API."""
    with Caller(second_api, full_key) as calling:
        yield calling


def test_the_road_from_one_revision_to_the_next(
    caller: Caller, other: Caller, facade: Facade, vendors: Emulators
) -> None:
    at = "versioned"
    person = place(
        vendors,
        email="jonas.road@garn.example",
        hs_additional_emails="j.road@garn.example",
        hs_email_optout="true",
    )
    path = f"/v1/customers/{at}:{person}"
    began = [revision_of(one, path) for one in (caller, other)]
    assert began == [2, 2], "the newest released one is active"
    begun = route(caller, at)
    assert (begun["active"], begun["pinned"], begun["changed_by"]) == (2, True, "lockstitch")

    decided = decide(caller, at, active=1)
    assert (decided["active"], decided["pinned"], decided["previous"]) == (1, True, 2)
    assert revision_of(caller, path) == 1
    until(lambda: revision_of(other, path), lambda revision: revision == 1)

    # Shadow: both processes and the worker compare, and callers see nothing of it.
    decide(other, at, shadow={"revision": 2, "sample_rate": 1.0})
    until(lambda: route(caller, at)["shadow"], bool)
    time_of_routes = time.monotonic()
    while not compared(caller, at) or time.monotonic() - time_of_routes < 1.5:
        assert caller.get(path).json()["emails"] == other.get(path).json()["emails"]
    later = caller.write(
        "POST",
        f"/v1/customers?connection={at}",
        {"first_name": "Ann", "emails": [{"address": "ann.road@garn.example"}]},
        headers={"prefer": "respond-async"},
    )
    made = caller.settled(later)["result"]
    assert made["meta"]["mapping"]["revision"] == 1

    # Diff: by field, with samples free of personal data; API and command line agree.
    report = until(
        lambda: [one for one in route(caller, at)["comparisons"] if (one["active"], one["shadow"]) == (1, 2)],
        lambda reports: (
            bool(reports) and {"/emails/*", "/consents/*"} <= {one["path"] for one in reports[0]["differences"]}
        ),
    )[0]
    assert report["differing"] <= report["compared"]
    differences = {one["path"]: one for one in report["differences"]}
    assert differences["/meta/loss/emails/*"]["samples"] == [{"active": "dropped"}]
    assert all(one["passing"] == "read" for one in differences.values())
    assert "road" not in json.dumps(report)
    assert "opted_out" not in caller.get(path).text
    diff = cli(facade, "diff", NAME, "--connection", at)
    assert {one["path"] for one in diff["data"][0]["differences"]} == set(differences)

    # Activate: within about a second everywhere, the worker included.
    activated = route_in(cli(facade, "activate", f"{NAME}@r2", "--connection", at), at)
    assert (activated["active"], activated["previous"], activated["shadow"]) == (2, 1, None)
    for one in (caller, other):
        until(lambda one=one: revision_of(one, path), lambda revision: revision == 2)  # type: ignore[misc]
    read = other.get(path).json()
    assert [email["address"] for email in read["emails"]] == ["jonas.road@garn.example", "j.road@garn.example"]
    assert [consent["state"] for consent in read["consents"]] == ["opted_out"]
    later = other.write(
        "PATCH",
        path,
        {"emails": [{"address": "jonas.road@garn.example"}, {"address": "jonas@road.example"}]},
        headers={"prefer": "respond-async"},
    )
    changed = other.settled(later)["result"]
    assert changed["meta"]["mapping"]["revision"] == 2
    (record,) = vendors.records("hubspot", "contacts", "jonas@road.example")
    assert record["properties"]["hs_additional_emails"] == "jonas@road.example"

    # Roll back: one command, and there is nothing further back.
    rolled = route_in(cli(facade, "rollback", NAME, "--connection", at), at)
    assert (rolled["active"], rolled["previous"]) == (1, None)
    for one in (caller, other):
        until(lambda one=one: revision_of(one, path), lambda revision: revision == 1)  # type: ignore[misc]
    me = facade.sql("SELECT principal FROM api_key WHERE name = 'everything'")[0]["principal"]
    trail = audited(facade, at)
    assert [what for what, _ in trail] == [
        "mapping.pinned",
        "mapping.activated",
        "mapping.shadowed",
        "mapping.activated",
        "mapping.shadow_ended",
        "mapping.rolled_back",
    ]
    assert [who for _, who in trail[:3]] == ["lockstitch", me, me]
    assert all(who.startswith("cli:") for _, who in trail[3:])


def compared(caller: Caller, connection: str) -> bool:
    return any(one["compared"] for one in route(caller, connection)["comparisons"])


def test_what_only_the_mapping_reads_differently_has_not_changed(
    caller: Caller, facade: Facade, vendors: Emulators
) -> None:
    """Otherwise the first webhooks after an activation would report changes that did not happen."""
    at, driver = "versioned", WebhookDriver(facade, caller)
    person = place(vendors, email="told@garn.example", hs_additional_emails="retold@garn.example")

    def events_until(revision: int) -> list[dict[str, Any]]:
        """The events of webhooks until the worker, which is a process of its own, reads by this revision."""
        decide(caller, at, active=revision)
        receipts = list[str]()

        def look() -> int:
            receipts.append(driver.record(at, "contact.propertyChange", "contact", person))
            driver.await_settled(receipts[-1])
            (validated,) = driver.audited(receipts[-1], "receipt.validated")
            return validated["facts"]["revision"]

        until(look, lambda read_by: read_by == revision)
        return [event for receipt in receipts for event in driver.events_of(receipt)]

    (first,) = events_until(1)
    assert "emails" in first["changed"]
    assert events_until(2) == []
    assert events_until(1) == []
    expect(caller.write("PATCH", f"/v1/customers/other-hubspot:{person}", {"job_title": "Potter"}))
    assert [event["changed"] for event in events_until(2)] == [["job_title"]]
    decide(caller, at, active=None)


def test_an_operation_goes_on_by_the_revision_that_it_began_with(caller: Caller, vendors: Emulators) -> None:
    at = "switched"
    vendors.lose_reply("hubspot", method="POST", path="/crm/v3/objects/contacts")
    lost = expect(caller.write("POST", f"/v1/customers?connection={at}", customer("hubspot")), 202)
    decide(caller, at, active=1)
    assert caller.settled(lost)["result"]["meta"]["mapping"]["revision"] == 2
    decide(caller, at, active=None)


def test_a_read_by_a_named_revision(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    person = place(vendors, email="dry@garn.example", hs_additional_emails="dryer@garn.example")
    path = f"/v1/customers/hubspot:{person}"
    by = {n: caller.get(path, headers={HEADER: f"{NAME}@r{n}"}).json() for n in (1, 2)}
    assert [by[n]["meta"]["mapping"]["revision"] for n in (1, 2)] == [1, 2]
    assert [len(by[n]["emails"]) for n in (1, 2)] == [1, 2]
    listed = caller.get("/v1/customers?email=dry@garn.example", headers={HEADER: f"{NAME}@r1"}).json()["data"]
    assert [one["meta"]["mapping"]["revision"] for one in listed] == [1]
    with facade.calling("customers:read") as reader:
        assert reader.get(path).status_code == 200
        refused = expect(reader.get(path, headers={HEADER: f"{NAME}@r1"}), 403, "forbidden").json()
        assert "X-Lockstitch-Mapping needs the scope ops:write" in refused["detail"]
        assert "X-Lockstitch-Mapping" in refused["next_step"]
    for wrong in ("hubspot.customer", "hubspot.customer@r9", "hubspot.ticket@r1", "shopify.customer@r1", "@r1", ""):
        answer = expect(caller.get(path, headers={HEADER: wrong}), 422, "invalid-field").json()
        assert [error["header"].lower() for error in answer["errors"]] == [HEADER]


def test_a_drafted_order_shows_its_lines_first(caller: Caller, vendors: Emulators) -> None:
    body = {"number": "#dry", "currency": "EUR", "line_items": [{"name": "Mug", "quantity": "1", "unit_price": "5"}]}

    drafted = caller.write("POST", "/v1/orders?connection=hubspot", body, headers={HEADER: "hubspot.order@r1"}).json()

    assert (drafted["action"], drafted["request"]["path"]) == ("create", "/crm/v3/objects/orders")
    assert drafted["parts"]["path"] == "/crm/v3/objects/line_items/batch/upsert"
    (line,) = drafted["parts"]["body"]["inputs"]
    assert (line["properties"]["name"], line["idProperty"]) == ("Mug", "lockstitch_operation_id")
    assert vendors.records("hubspot", "orders", "#dry") == []
    assert vendors.records("hubspot", "line_items", "op_of_a_dry_run") == []


def test_a_write_by_a_named_revision_is_drafted_and_not_sent(caller: Caller, vendors: Emulators) -> None:
    person = place(vendors, email="draft@garn.example")
    two = {"emails": [{"address": "draft@garn.example"}, {"address": "drafts@garn.example"}]}
    path, named = f"/v1/customers/hubspot:{person}", {HEADER: f"{NAME}@r2"}
    assert code_of(caller.patch(path, json=two, headers=named), 400) == "idempotency-key-missing"
    key = new_key()
    drafted = expect(caller.write("PATCH", path, two, headers=named, key=key)).json()
    assert drafted == {
        "dry_run": True,
        "connection": "hubspot",
        "mapping": {"name": NAME, "revision": 2, "vendor_api": "v3"},
        "action": "update",
        "remote_id": person,
        "fields": [{"pointer": "/emails", "verdict": "written"}],
        "request": {
            "method": "PATCH",
            "path": f"/crm/v3/objects/contacts/{person}",
            "body": {"properties": {"email": "draft@garn.example", "hs_additional_emails": "drafts@garn.example"}},
        },
        "loss": [],
        "ignored": [],
    }
    upserted = caller.write("POST", "/v1/customers?upsert_on=email", two, headers=named).json()
    assert (upserted["action"], upserted["remote_id"]) == ("update", person)
    assert caller.write("POST", "/v1/customers", two, headers=named).json()["action"] == "create"
    assert caller.write("DELETE", path, headers=named).json()["action"] == "archive"
    older = caller.write("PATCH", f"{path}?loss=none", two, headers={HEADER: f"{NAME}@r1"})
    assert older.json()["problem"]["code"] == "unsupported-field"
    assert vendors.records("hubspot", "contacts", "drafts@garn.example") == []
    # The key is not used up.
    assert caller.write("PATCH", path, two, key=key).status_code == 200


def test_what_cannot_be_decided(caller: Caller, facade: Facade) -> None:
    path = f"/ops/mappings/{NAME}/route"
    nothing = caller.post("/ops/mappings/hubspot.invoice/route", json={"connection": "hubspot", "active": 1})
    expect(nothing, 404, "not-found")
    refused: list[tuple[dict[str, Any], str]] = [
        ({"connection": "shopify", "active": 1}, "/connection"),
        ({"connection": "hubspot", "active": 9}, "/active"),
        ({"connection": "hubspot", "active": "1"}, "/active"),
        ({"connection": "hubspot", "shadow": {"revision": 2}}, "/shadow/revision"),
        ({"connection": "hubspot", "canary": {"revision": 1, "share": 0.1}}, "/canary"),
        ({"connection": "hubspot", "shadow": {"revision": 1, "sample_rate": 1.5}}, "/shadow/sample_rate"),
        ({"connection": "hubspot", "why": "because"}, "/why"),
        ({"connection": "hubspot"}, ""),
    ]
    for order, pointer in refused:
        answer = expect(caller.post(path, json=order), 422, "invalid-field").json()
        assert [error["pointer"] for error in answer["errors"]] == [pointer]
    with facade.calling("ops:read") as reader:
        assert reader.get("/ops/mappings").status_code == 200
        assert code_of(reader.post(path, json={"connection": "hubspot", "active": 1}), 403) == "forbidden"
    with facade.calling("ops:write") as writer:
        assert code_of(writer.get("/ops/mappings"), 403) == "forbidden"
    unchanged = route(caller, "hubspot")
    assert (unchanged["changed_by"], unchanged["previous"]) == ("lockstitch", None)


def test_every_mapping_is_listed(caller: Caller) -> None:
    listed = {one["name"]: one for one in caller.get("/ops/mappings").json()["data"]}
    assert {NAME, "hubspot.ticket", "shopify.order", "zendesk.comment"} <= set(listed)
    assert list(listed) == sorted(listed)
    assert listed[NAME]["revisions"] == [
        {"revision": 1, "released": True, "vendor_api": "v3"},
        {"revision": 2, "released": True, "vendor_api": "v3"},
    ]
    assert "shopify" in [one["connection"] for one in listed["shopify.order"]["routes"]]


def test_a_redriven_write_is_drafted_by_the_revision_that_is_at_work_now(caller: Caller) -> None:
    at, body = "versioned", customer("hubspot")
    before = route(caller, at)["active"]
    try:
        decide(caller, at, active=1)
        customer_made = caller.create(f"/v1/customers?connection={at}", body)
        answer = caller.write("POST", f"/v1/customers?connection={at}", body, headers={"prefer": "respond-async"})
        assert caller.settled(answer)["state"] == "failed"

        def letters() -> list[dict[str, Any]]:
            letters_of_all = caller.get(f"/ops/dead-letters?kind=execute&connection={at}").json()["data"]
            return [letter for letter in letters_of_all if letter["origin"] == answer.json()["id"]]

        (letter,) = until(letters)
        assert (letter["failure"]["mapping"], letter["failure"]["revision"]) == (NAME, 1)
        decide(caller, at, active=2)
        advice = caller.get(f"/ops/dead-letters/{letter['id']}").json()["next_steps"][0]["advice"]
        assert "r2 is active now" in advice
        assert caller.write("DELETE", f"/v1/customers/{customer_made['id']}").status_code == 200
        assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
        done = caller.settled(answer)
        assert done["state"] == "succeeded", done
        assert done["result"]["meta"]["mapping"]["revision"] == 2
    finally:
        decide(caller, at, active=before)
