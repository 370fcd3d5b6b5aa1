"""Links over HTTP and the command line: match, join, alias, vendor merges, split, review, erasure."""

import hashlib
import json
from typing import Any, Final

import httpx
import pytest

from app.cli.exits import REFUSED
from tests.commands import exits, lockstitch
from tests.contract.callers import Caller, code_of, expect
from tests.contract.copying import copy
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import SECRETS, Facade
from tests.contract.own_facade import own_facade
from tests.contract.processes import NO_TLS
from tests.contract.samples import Body, customer, order, word
from tests.contract.vendor_samples import SAMPLES, all_vendors
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot, shopify

JOINS: Final = '[links]\nauto_join = [["shopify", "hubspot"]]\n'
running_facade, full_key = own_facade(all_vendors, more=JOINS)


def person(connection: Vendor, mark: str, address: str | None = None) -> Body:
    """A customer with the same name at every vendor."""
    return customer(connection, mark, emails=[{"address": address or f"{mark}@example.com"}])


def make(caller: Caller, connection: Vendor, mark: str, address: str | None = None) -> dict[str, Any]:
    return caller.create(f"/v1/customers?connection={connection}", person(connection, mark, address))


def read(caller: Caller, identifier: str, connection: str | None = None) -> httpx.Response:
    answer = caller.get(f"/v1/customers/{identifier}", params={} if connection is None else {"connection": connection})
    assert answer.status_code == 200, answer.text
    return answer


def place(made: dict[str, Any]) -> str:
    return f"{made['meta']['connection']}:{made['meta']['remote_id']}"


def places(answer: httpx.Response) -> list[str]:
    return [f"{link['connection']}:{link['remote_id']}" for link in answer.json()["meta"]["links"]]


def proposals(facade: Facade, made: dict[str, Any]) -> list[dict[str, Any]]:
    """The open proposals about a customer."""
    output = exits(facade.lockstitch("links", "review", "--limit", "250", "--json"))
    mine = made["meta"]["connection"], made["meta"]["remote_id"]
    return [
        one
        for one in json.loads(output.stdout)["data"]
        if mine in ((one["connection"], one["remote_id"]), (one["other_connection"], one["other_remote_id"]))
    ]


def events_about(caller: Caller, kind: str, identifier: str) -> list[dict[str, Any]]:
    """The Events of a type about a canonical id."""
    events: list[dict[str, Any]] = []
    params = {"type": kind, "limit": "250"}
    while True:
        page = caller.get("/v1/events", params=params).json()
        events += [event for event in page["data"] if event["data"]["id"] == identifier]
        if not page["has_more"]:
            return events
        params["after"] = page["next_cursor"]


def test_a_configured_match_joins_and_changes_no_tag_and_no_target(caller: Caller, facade: Facade) -> None:
    mark = word()
    shop = make(caller, "shopify", mark)
    before = read(caller, shop["id"])
    crm = make(caller, "hubspot", mark)

    assert crm["id"] == shop["id"]
    after = read(caller, shop["id"])
    assert (after.headers["etag"], after.json()["meta"]["connection"]) == (before.headers["etag"], "shopify")
    assert places(after) == [place(shop), place(crm)]
    assert places(read(caller, shop["id"], "hubspot")) == [place(shop), place(crm)]

    # HubSpot is the system of record; a bare id still goes to the shop.
    changed = caller.write(
        "PATCH", f"/v1/customers/{shop['id']}", {"notes": mark}, headers={"if-match": before.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["meta"]["connection"] == "shopify"

    known = caller.get(f"/v1/links/{shop['id']}").json()
    (alias,) = known["aliases"]
    assert [(one["connection"], one["by"], one["own_id"]) for one in known["links"]] == [
        ("shopify", "read", shop["id"]),
        ("hubspot", "match", alias),
    ]
    # The alias goes where it went before.
    assert read(caller, alias).json()["meta"]["connection"] == "hubspot"
    assert read(caller, alias).json()["id"] == shop["id"]
    (event,) = events_about(caller, "link.joined", shop["id"])
    assert event["data"]["alias"] == alias
    assert event["data"]["by"] == "match"
    audited = caller.get("/ops/audit", params={"record": shop["id"], "type": "link.joined"}).json()["data"]
    assert [one["actor"] for one in audited] == ["lockstitch"]


def test_a_proposal_is_accepted_and_split_again(caller: Caller, facade: Facade) -> None:
    mark = word()
    crm, desk = make(caller, "hubspot", mark), make(caller, "zendesk", mark)
    tags = {made["id"]: read(caller, made["id"]).headers["etag"] for made in (crm, desk)}
    assert crm["id"] != desk["id"]
    (proposal,) = until(lambda: proposals(facade, desk), bool)
    assert proposal["reasons"] == ["not_configured"]
    narrow = lockstitch("links", "review", environment=facade.api.environment, columns=80)
    for text in (proposal["id"], crm["id"], desk["id"], place(crm), place(desk)):
        assert text in narrow.stdout.split()

    other = facade.lockstitch("links", "review", "--cursor", proposal["canonical_id"])
    assert (other.returncode, "the cursor of another list" in other.stderr) == (2, True)
    accepted = facade.lockstitch("links", "review", "--accept", proposal["id"])
    assert (accepted.returncode, accepted.stdout) == (
        0,
        f"{proposal['id']} is accepted: {crm['id']} names both.\n",
    )
    until(lambda: read(caller, place(desk)).json()["id"], lambda current: current == crm["id"])
    assert {known: read(caller, known).headers["etag"] for known in tags} == tags
    assert proposals(facade, desk) == []
    again = facade.lockstitch("links", "review", "--refuse", proposal["id"])
    assert (again.returncode, again.stdout) == (REFUSED, "")
    assert "was accepted by cli:" in again.stderr

    split = exits(facade.lockstitch("links", "split", crm["id"], "zendesk", "--json"))
    assert json.loads(split.stdout)["split_id"] == desk["id"]
    until(lambda: read(caller, place(desk)).json()["id"], lambda current: current == desk["id"])
    assert {known: read(caller, known).headers["etag"] for known in tags} == tags
    (event,) = events_about(caller, "link.split", crm["id"])
    assert (event["connection"], event["data"]["split_id"]) == ("zendesk", desk["id"])
    audited = caller.get("/ops/audit", params={"record": crm["id"], "type": "link.split"}).json()["data"]
    assert audited[0]["actor"].startswith("cli:")

    # A person has kept them apart, so neither a change nor a copy brings them together again.
    caller.write("PATCH", f"/v1/customers/{crm['id']}", {"first_name": "Bea"})
    assert proposals(facade, crm) == []
    before = read(caller, place(desk)).headers["etag"]
    kept = expect(copy(caller, crm, "zendesk", match_on="email"), 409, "state-conflict").json()
    assert desk["id"] in kept["detail"]
    assert read(caller, place(desk)).headers["etag"] == before
    assert read(caller, place(desk)).json()["id"] == desk["id"]
    refused = exits(facade.lockstitch("links", "split", crm["id"], "zendesk"), 1)
    assert "has no record at zendesk" in refused.stderr
    command = kept["next_step"].split("`")[1]
    assert facade.lockstitch(*command.split()[1:]).returncode == 0
    joined = expect(copy(caller, crm, "zendesk", match_on="email")).json()
    assert (joined["id"], joined["meta"]["remote_id"]) == (crm["id"], desk["meta"]["remote_id"])


def test_a_person_joins_two_ids(caller: Caller, facade: Facade) -> None:
    one, other = make(caller, "zendesk", word()), make(caller, "hubspot", word())
    joined = facade.lockstitch("links", "join", other["id"], one["id"])
    assert (joined.returncode, joined.stdout) == (0, f"{one['id']} names {place(one)}, {place(other)}.\n")
    output = facade.lockstitch("links", "show", other["id"])
    assert f"Aliases: {other['id']}" in output.stdout
    assert place(other) in output.stdout
    third = make(caller, "hubspot", word())
    refused = facade.lockstitch("links", "join", one["id"], third["id"])
    assert refused.returncode == REFUSED
    assert "at most one record at a connection" in refused.stderr
    unknown = facade.lockstitch("links", "join", one["id"], "ord_1")
    assert "name different objects" in unknown.stderr


@pytest.mark.parametrize("case", ["role_mailbox", "names_contradict"])
def test_a_doubtful_match_waits_for_review(caller: Caller, facade: Facade, case: str) -> None:
    mark = word()
    address = f"info@{mark}.example.com" if case == "role_mailbox" else f"{mark}@example.com"
    shop = make(caller, "shopify", mark, address)
    body = person("hubspot", mark if case == "role_mailbox" else word(), address)
    crm = caller.create("/v1/customers?connection=hubspot", body)
    assert crm["id"] != shop["id"]
    (proposal,) = proposals(facade, shop)
    assert proposal["reasons"] == [case]
    assert facade.lockstitch("links", "review", "--refuse", proposal["id"]).returncode == 0
    caller.write("PATCH", f"/v1/customers/{crm['id']}", {"last_name": f"{mark} Lee"})
    assert proposals(facade, shop) == []


def test_a_merge_that_a_read_shows_is_followed(caller: Caller, vendors: Emulators) -> None:
    kept, lost = make(caller, "hubspot", word()), make(caller, "hubspot", word())
    merge(vendors, kept, lost)
    answer = read(caller, place(lost))
    assert (answer.json()["id"], places(answer)) == (kept["id"], [place(kept)])
    assert read(caller, lost["id"]).json()["meta"]["remote_id"] == kept["meta"]["remote_id"]
    known = caller.get(f"/v1/links/{lost['id']}").json()
    assert known["aliases"] == [lost["id"]]
    assert [(one["remote_id"], one["merged_into"]) for one in known["links"]] == [
        (kept["meta"]["remote_id"], None),
        (lost["meta"]["remote_id"], kept["meta"]["remote_id"]),
    ]


def test_a_write_under_the_lost_id_reaches_the_one_that_is_left(caller: Caller, vendors: Emulators) -> None:
    kept, lost = make(caller, "hubspot", word()), make(caller, "hubspot", word())
    merge(vendors, kept, lost)
    path = f"/v1/customers/{place(lost)}"
    for answer in (caller.write("PATCH", path, {"job_title": "Head of bindery"}), caller.write("DELETE", path)):
        assert (answer.status_code, answer.json()["meta"]["remote_id"]) == (200, kept["meta"]["remote_id"])
    assert caller.get(f"/v1/customers/{place(kept)}").status_code == 404


def test_a_merge_that_a_webhook_reports_is_followed(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    mark = word()
    shop = make(caller, "shopify", mark)
    lost, kept = make(caller, "hubspot", mark), make(caller, "hubspot", word())
    assert lost["id"] == shop["id"]
    merge(vendors, kept, lost)
    endpoint, driver = WebhookEndpoint(facade, "hubspot"), WebhookDriver(facade, caller)
    event = contact_event(
        subscriptionType="contact.merge",
        objectId=int(kept["meta"]["remote_id"]),
        primaryObjectId=int(kept["meta"]["remote_id"]),
        mergedObjectIds=[int(lost["meta"]["remote_id"])],
    )
    driver.deliver(endpoint, hubspot(endpoint.url, event))
    until(lambda: places(read(caller, place(kept))), lambda current: current == [place(shop), place(kept)])
    assert read(caller, kept["id"]).json()["id"] == shop["id"]
    assert read(caller, shop["id"]).json()["meta"]["connection"] == "shopify"
    joined = events_about(caller, "link.joined", shop["id"])
    assert [one["data"]["by"] for one in joined] == ["match", "vendor_merge"]

    # The record that went is deleted under its own id, not under that of the one that stayed.
    gone = driver.send("hubspot", "customer", "deleted", lost["meta"]["remote_id"])
    assert driver.event_of(gone)["data"]["id"] != shop["id"]


def test_a_merge_at_the_shop_is_followed(caller: Caller, facade: Facade) -> None:
    kept, lost = make(caller, "shopify", word()), make(caller, "shopify", word())
    body = {
        "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{kept['meta']['remote_id']}",
        "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{lost['meta']['remote_id']}",
        "status": "completed",
    }
    case = shopify(topic="customers/merge", body=json.dumps(body).encode())
    WebhookDriver(facade, caller).deliver(WebhookEndpoint(facade, "shopify"), case)
    until(lambda: caller.get(f"/v1/links/{lost['id']}").json()["id"], lambda current: current == kept["id"])


def test_a_read_of_a_merged_contact_finds_the_one_that_is_left(caller: Caller, vendors: Emulators) -> None:
    """Salesforce sends no webhook, and has the lost contact only in the recycle bin."""
    kept, between, lost = (make(caller, "salesforce", word()) for _ in range(3))
    for one, into in ((lost, between), (between, kept)):
        (contact,) = vendors.records("salesforce", "Contact", holding=one["last_name"])
        merged_into = {"IsDeleted": True, "MasterRecordId": into["meta"]["remote_id"]}
        vendors.place("salesforce", "Contact", contact | merged_into)
    assert read(caller, place(lost)).json()["meta"]["remote_id"] == kept["meta"]["remote_id"]
    assert caller.get(f"/v1/links/{lost['id']}").json()["id"] == kept["id"]
    assert read(caller, lost["id"]).json()["meta"]["remote_id"] == kept["meta"]["remote_id"]

    gone = make(caller, "salesforce", word())
    assert caller.write("DELETE", f"/v1/customers/{gone['id']}").status_code == 200
    assert caller.get(f"/v1/customers/{gone['id']}").status_code == 404


def test_a_merged_ticket_points_to_the_one_that_is_left(caller: Caller, vendors: Emulators) -> None:
    sample = SAMPLES["salesforce ticket"]
    kept = caller.create(sample.collection(), sample.body(word()))
    (case,) = vendors.records("salesforce", "Case", kept["meta"]["remote_id"])
    others = {name: value for name, value in case.items() if name not in ("Id", "CaseNumber")}
    placed = vendors.place("salesforce", "Case", {**others, "MasterRecordId": case["Id"]})
    lost = caller.get(f"/v1/tickets/salesforce:{placed['Id']}").json()
    assert (lost["merged_into"]["remote_id"], lost["id"] != kept["id"]) == (kept["meta"]["remote_id"], True)
    known = caller.get(f"/v1/links/{lost['id']}").json()
    assert (known["id"], known["aliases"]) == (kept["id"], [lost["id"]])
    assert caller.get(f"/v1/tickets/{lost['id']}").json()["meta"]["remote_id"] == kept["meta"]["remote_id"]


def test_keys_are_hmacs_and_are_erased_with_the_person(caller: Caller, facade: Facade) -> None:
    mark = word()
    crm, desk = make(caller, "hubspot", mark), make(caller, "zendesk", mark)
    address = f"{mark}@example.com".encode()
    rows = facade.sql("SELECT * FROM match_key WHERE remote_id = $1", crm["meta"]["remote_id"])
    assert len(rows) == 1
    assert address not in repr(rows).encode()
    assert rows[0]["digest"] != hashlib.sha256(address).digest()
    assert rows[0]["digest"] not in [row["secret"] for row in facade.sql("SELECT secret FROM digest_secret")]
    assert len(until(lambda: proposals(facade, desk), bool)) == 1

    assert caller.write("DELETE", f"/v1/customers/{crm['id']}").status_code == 200
    assert facade.sql("SELECT * FROM match_key WHERE remote_id = $1", crm["meta"]["remote_id"]) == []
    assert proposals(facade, desk) == []


def test_a_join_of_a_buyer_changes_no_order(caller: Caller, facade: Facade) -> None:
    crm, shop = make(caller, "hubspot", word()), make(caller, "shopify", word())
    bought = {"id": place(shop), "email": shop["emails"][0]["address"]}
    made = caller.create("/v1/orders?connection=shopify", order(customer=bought))
    path = f"/v1/orders/{made['id']}"
    before = caller.get(path)
    assert before.json()["customer"]["id"] == shop["id"]
    assert facade.lockstitch("links", "join", crm["id"], shop["id"]).returncode == 0
    after = until(lambda: caller.get(path), lambda answer: answer.json()["customer"]["id"] == crm["id"])
    assert after.headers["etag"] == before.headers["etag"]
    driver = WebhookDriver(facade, caller)
    receipt = driver.send("shopify", "order", "updated", made["meta"]["remote_id"])
    until(lambda: facade.sql("SELECT settled_at FROM inbound_event WHERE id = $1", receipt)[0]["settled_at"], bool)
    assert driver.events_of(receipt) == []


def test_links_need_the_scope_of_their_object(caller: Caller, facade: Facade) -> None:
    made = make(caller, "hubspot", word())
    with facade.calling("orders:read") as narrow:
        assert code_of(narrow.get(f"/v1/links/{made['id']}"), 403) == "forbidden"
    with facade.calling("customers:read", "events:read") as wide:
        assert wide.get(f"/v1/links/{made['id']}").json()["links"][0]["connection"] == "hubspot"
        assert code_of(wide.get("/v1/links/cus_0"), 404) == "not-found"
        assert code_of(wide.get("/v1/links/evt_0"), 404) == "not-found"
        types = {event["type"] for event in wide.get("/v1/events", params={"type": "link.*"}).json()["data"]}
        assert types <= {"link.joined", "link.split"}
    sample = caller.get("/v1/samples/link.joined")
    assert sample.json()["data"]["links"]


def merge(vendors: Emulators, kept: dict[str, Any], lost: dict[str, Any]) -> None:
    """Merge two contacts, as HubSpot's staff do."""
    ids = {"primaryObjectId": kept["meta"]["remote_id"], "objectIdToMerge": lost["meta"]["remote_id"]}
    answer = httpx.post(
        f"{vendors.url}/hubspot/crm/v3/objects/contacts/merge",
        json=ids,
        headers={"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"},
        verify=NO_TLS,
    )
    assert answer.status_code == 200, answer.text
