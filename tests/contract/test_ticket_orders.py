"""The orders of a ticket, at a vendor that associates them."""

from typing import Any

from tests.contract.callers import Caller, code_of, pointers
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import order, shop_order, ticket, word

running_facade, full_key = own_facade()

TICKETS = "/v1/tickets?connection=hubspot"


def sold(caller: Caller) -> dict[str, Any]:
    """An order at the CRM."""
    return caller.create("/v1/orders?connection=hubspot", shop_order())


def lost(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["path"], one["kind"]) for one in record["meta"]["loss"] if one["path"] == "/orders"]


def test_a_ticket_names_its_orders_by_any_id(caller: Caller) -> None:
    one, two = sold(caller), sold(caller)
    body = ticket("hubspot", orders=[{"id": one["id"]}, {"id": f"hubspot:{two['meta']['remote_id']}"}])

    made = caller.create(TICKETS, body)

    names = [(other["id"], other["connection"], other["remote_id"]) for other in made["orders"]]
    assert sorted(names) == sorted((sale["id"], "hubspot", sale["meta"]["remote_id"]) for sale in (one, two))
    assert lost(made) == []
    assert caller.get(f"/v1/tickets/{made['id']}").json()["orders"] == made["orders"]
    listed = caller.get(f"{TICKETS}&limit=200").json()["data"]
    assert next(sale["orders"] for sale in listed if sale["id"] == made["id"]) == made["orders"]
    searched = caller.get(f"{TICKETS}&sort=-created_at").json()["data"]
    assert next(sale["orders"] for sale in searched if sale["id"] == made["id"]) == made["orders"]
    again = caller.write("PATCH", f"/v1/tickets/{made['id']}", {"orders": made["orders"], "priority": "high"})
    assert (again.status_code, again.json()["orders"]) == (200, made["orders"]), again.text


def test_an_upsert_accepts_the_orders_that_are_there(caller: Caller) -> None:
    first, second = sold(caller), sold(caller)
    body = ticket("hubspot", external_id=f"key-{word()}", orders=[{"id": first["id"]}])
    made = caller.create(f"{TICKETS}&upsert_on=external_id", body)

    same = caller.write("POST", f"{TICKETS}&upsert_on=external_id&loss=none", body | {"priority": "high"})
    other = caller.write("POST", f"{TICKETS}&upsert_on=external_id", body | {"orders": [{"id": second["id"]}]})

    assert (same.status_code, same.json()["orders"], same.json()["priority"]) == (200, made["orders"], "high"), (
        same.text
    )
    assert (other.status_code, other.json()["orders"], lost(other.json())) == (
        200,
        made["orders"],
        [("/orders", "dropped")],
    )


def test_an_order_of_another_system_is_found_by_its_link(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    at_shop = caller.create("/v1/orders?connection=shopify", order())
    at_crm, stranger = sold(caller), caller.create("/v1/orders?connection=shopify", order())
    facade.sql("UPDATE link SET canonical_id = $1 WHERE canonical_id = $2", at_shop["id"], at_crm["id"])
    sent = [{"connection": "shopify", "remote_id": one["meta"]["remote_id"]} for one in (at_shop, stranger)]

    made = caller.create(TICKETS, ticket("hubspot", orders=sent))

    assert [one["remote_id"] for one in made["orders"]] == [at_crm["meta"]["remote_id"]]
    assert lost(made) == [("/orders", "dropped")]
    assert sent[1]["remote_id"] not in str(vendors.calls("hubspot"))


def test_an_unknown_order_is_dropped_unless_nothing_may_be_lost(caller: Caller) -> None:
    stranger = caller.create("/v1/orders?connection=shopify", order())
    body = ticket("hubspot", orders=[{"id": stranger["id"]}])

    refused = caller.write("POST", f"{TICKETS}&loss=none", body)
    assert (code_of(refused, 422), pointers(refused)) == ("unsupported-field", ["/orders"])
    made = caller.create(TICKETS, body)
    assert (made["orders"], lost(made)) == ([], [("/orders", "dropped")])


def test_orders_cannot_be_changed_later(caller: Caller) -> None:
    made = caller.create(TICKETS, ticket("hubspot"))
    change = {"orders": [{"id": sold(caller)["id"]}]}

    answer = caller.write("PATCH", f"/v1/tickets/{made['id']}?loss=none", change)

    assert (code_of(answer, 422), pointers(answer)) == ("unsupported-field", ["/orders"])
