"""`?include=references`: the names and addresses of references that a plain read does not have."""

from typing import Any

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators, Vendor
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES, all_vendors

running_facade, full_key = own_facade(all_vendors)


def known(vendors: Emulators, kind: str) -> dict[str, Any]:
    """One of the records that the help desk has from the start."""
    return vendors.records("freshdesk", kind)[0]


def assigned(caller: Caller, vendors: Emulators) -> str:
    """The path of a new ticket that names an agent, a group and a company."""
    caller.get("/v1/tickets?connection=freshdesk")  # the first call furnishes the help desk
    named = {"assignee": "agents", "team": "groups", "company": "companies"}
    body = {part: {"id": f"freshdesk:{known(vendors, kind)['id']}"} for part, kind in named.items()}
    made = caller.create("/v1/tickets?connection=freshdesk", SAMPLES["freshdesk ticket"].body(word()) | body)
    return f"/v1/tickets/{made['id']}"


def read(caller: Caller, vendors: Emulators, vendor: Vendor, path: str) -> tuple[dict[str, Any], list[str]]:
    """A record with its references, and the paths that were called for it."""
    caller.get(path)  # account facts are known now
    calls_before = len(vendors.calls(vendor))
    answer = expect(caller.get(f"{path}?include=references")).json()
    return answer, [call["path"] for call in vendors.calls(vendor)[calls_before:]]


def keys(reference: dict[str, Any]) -> tuple[Any, Any]:
    return reference["name"], reference["email"]


def test_agents_teams_and_companies_get_their_names(caller: Caller, vendors: Emulators) -> None:
    path = assigned(caller, vendors)
    agent, group, company = (known(vendors, kind) for kind in ("agents", "groups", "companies"))
    plain = caller.get(path)
    assert [keys(plain.json()[part]) for part in ("assignee", "team", "company")] == [(None, None)] * 3

    ticket_read, calls = read(caller, vendors, "freshdesk", path)

    assert keys(ticket_read["assignee"]) == (agent["name"], agent["email"])
    assert (ticket_read["assignee"]["connection"], ticket_read["assignee"]["remote_id"]) == (
        "freshdesk",
        str(agent["id"]),
    )
    assert keys(ticket_read["team"]) == (group["name"], None)
    assert keys(ticket_read["company"]) == (company["name"], None)
    named = [f"agents/{agent['id']}", f"groups/{group['id']}", f"companies/{company['id']}"]
    assert [one.removeprefix("/api/v2/") for one in calls] == [f"tickets/{ticket_read['number']}", *named]


def test_an_owner_whom_the_account_facts_lack_is_read(caller: Caller, vendors: Emulators) -> None:
    caller.get("/v1/options/hubspot/customer/owner")  # the owners of that moment are known now
    id, email = f"7{int(word()[1:9], 16)}", f"{word()}@owners.example"
    vendors.place("hubspot", "owners", vendors.records("hubspot", "owners")[0] | {"id": id, "email": email})
    owner = {"id": f"hubspot:{id}"}
    contact = SAMPLES["hubspot customer"].body(word()) | {"owner": owner}
    ticket = SAMPLES["hubspot ticket"].body(word()) | {"assignee": owner}
    for path, body, part in (("customers", contact, "owner"), ("tickets", ticket, "assignee")):
        made = caller.create(f"/v1/{path}?connection=hubspot", body)
        assert keys(made[part]) == (None, None)
        record, calls = read(caller, vendors, "hubspot", f"/v1/{path}/{made['id']}")
        assert record[part]["email"] == email
        assert calls[1:] == [f"/crm/v3/owners/{id}"]


def test_the_entity_tag_covers_the_references(caller: Caller, vendors: Emulators) -> None:
    path = assigned(caller, vendors)
    tag = caller.get(path).headers["etag"]
    included = caller.get(f"{path}?include=references").headers["etag"]
    assert included != tag
    again = caller.get(f"{path}?include=references", headers={"if-none-match": included})
    assert (again.status_code, again.headers["etag"]) == (304, included)
    assert caller.get(path).headers["etag"] == tag
    both = caller.get(f"{path}?include=owners,references")
    assert (both.json()["team"]["name"], "owners" in both.json()["meta"]) == (known(vendors, "groups")["name"], True)


def test_a_buyer_is_completed_from_the_customer_record(caller: Caller, vendors: Emulators) -> None:
    mark = word()
    customer = caller.create("/v1/customers?connection=woocommerce", SAMPLES["woocommerce customer"].body(mark))
    remote_id = customer["meta"]["remote_id"]
    body = SAMPLES["woocommerce order"].body(mark) | {"customer": {"id": f"woocommerce:{remote_id}", "name": "Bo Lee"}}
    made = caller.create("/v1/orders?connection=woocommerce", body)
    assert keys(made["customer"]) == ("Bo Lee", None)

    order, calls = read(caller, vendors, "woocommerce", f"/v1/orders/{made['id']}")

    assert keys(order["customer"]) == ("Bo Lee", f"{mark}@example.com")
    assert [one for one in calls if "customers" in one] == [f"/wp-json/wc/v3/customers/{remote_id}"]
    assert len(calls) == 2


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce", "zendesk"])
def test_a_reference_that_is_complete_costs_no_call(caller: Caller, vendors: Emulators, vendor: Vendor) -> None:
    asker = {"requester": {"email": f"{word()}@example.com", "name": "Ada"}}
    made = caller.create(f"/v1/tickets?connection={vendor}", SAMPLES[f"{vendor} ticket"].body(word()) | asker)
    path = f"/v1/tickets/{made['id']}"
    caller.get(path)
    calls_before = len(vendors.calls(vendor))
    plain = caller.get(path)
    of_plain = [call["path"] for call in vendors.calls(vendor)[calls_before:]]

    ticket_read, calls = read(caller, vendors, vendor, path)

    assert ticket_read["requester"]["email"] is not None
    assert (ticket_read, calls) == (plain.json(), of_plain)


@pytest.mark.parametrize("status", [403, 404])
def test_what_the_vendor_does_not_show_stays_as_it_is(caller: Caller, vendors: Emulators, status: int) -> None:
    path = assigned(caller, vendors)
    agent = f"/api/v2/agents/{known(vendors, 'agents')['id']}"
    vendors.break_("freshdesk", "status", method="GET", path=agent, status=status)

    ticket_read, _ = read(caller, vendors, "freshdesk", path)

    assert keys(ticket_read["assignee"]) == (None, None)
    assert ticket_read["assignee"]["remote_id"] == agent.rpartition("/")[2]
    assert keys(ticket_read["team"]) == (known(vendors, "groups")["name"], None)


def test_a_customer_who_is_gone_stays_as_the_order_has_them(caller: Caller, vendors: Emulators) -> None:
    body = SAMPLES["woocommerce order"].body(word())
    customer = caller.create("/v1/customers?connection=woocommerce", SAMPLES["woocommerce customer"].body(word()))
    remote_id = customer["meta"]["remote_id"]
    made = caller.create("/v1/orders?connection=woocommerce", body | {"customer": {"id": f"woocommerce:{remote_id}"}})
    vendors.break_("woocommerce", "status", path=f"/wp-json/wc/v3/customers/{remote_id}", status=404)

    order, _ = read(caller, vendors, "woocommerce", f"/v1/orders/{made['id']}")

    assert (order["customer"]["remote_id"], *keys(order["customer"])) == (remote_id, None, None)


def test_an_unknown_word_is_refused_with_the_known_ones(caller: Caller, vendors: Emulators) -> None:
    answer = expect(caller.get(f"{assigned(caller, vendors)}?include=names"), 422, "invalid-field").json()
    assert "raw, owners, references" in answer["detail"]
