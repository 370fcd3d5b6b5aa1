"""Whose a new order is at a shop: a guest's, unless an id or a link names an account, or the connection attaches."""

from typing import Any, Final

import pytest

from tests.contract.callers import Caller, code_of, expect
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import all_vendors

SHOPS = ("shopify", "woocommerce")


APART: Final = """
[connections.apart]
vendor = "hubspot"
realm = "apart"
base_url = "{url}/hubspot"
credentials = {{ token = "env:HUBSPOT_TOKEN" }}
"""
# The second connection to each vendor attaches orders by address.
running_facade, full_key = own_facade(all_vendors, "attaching", connections=APART)


def account(caller: Caller, connection: str, mark: str) -> Body:
    """A customer at a connection."""
    body = {"first_name": "Ann", "last_name": "Lee", "emails": [{"address": f"{mark}@example.com"}]}
    return caller.create(f"/v1/customers?connection={connection}", body)


def sale(customer: Body, **more: Any) -> Body:
    """An order of a free line."""
    line = {"name": "Mug", "quantity": "1", "unit_price": "9.00"}
    return {"currency": "EUR", "customer": customer, "line_items": [line], **more}


def place(caller: Caller, connection: str, customer: Body, **more: Any) -> Body:
    """Create an order. Return it as it reads."""
    made = caller.create(f"/v1/orders?connection={connection}", sale(customer, **more))
    order: Body = caller.get(f"/v1/orders/{made['id']}?connection={connection}").json()
    return order | {"loss": made["meta"]["loss"]}


@pytest.mark.parametrize("shop", SHOPS)
def test_an_address_selects_an_account_only_where_the_connection_attaches(caller: Caller, shop: str) -> None:
    mark = word()
    known = account(caller, shop, mark)["meta"]["remote_id"]
    by_address = {"email": f"{mark}@example.com"}

    guest = place(caller, shop, by_address)
    attached = place(caller, f"{shop}-attaching", by_address)
    stranger = place(caller, f"{shop}-attaching", {"email": f"other-{mark}@example.com"})

    assert (guest["is_guest"], guest["customer"]["email"]) == (True, f"{mark}@example.com")
    assert (attached["is_guest"], attached["customer"]["remote_id"]) == (False, known)
    assert stranger["is_guest"]


@pytest.mark.parametrize("shop", SHOPS)
def test_a_guest_stays_a_guest(caller: Caller, shop: str) -> None:
    mark = word()
    known = account(caller, shop, mark)

    by_address = place(caller, f"{shop}-attaching", {"email": f"{mark}@example.com"}, is_guest=True)
    by_id = place(caller, shop, {"id": known["id"]}, is_guest=True)

    for order in (by_address, by_id):
        assert (order["is_guest"], order["customer"]["email"]) == (True, f"{mark}@example.com")
    assert ("/customer/id", "coerced") in [(one["path"], one["kind"]) for one in by_id["loss"]]


@pytest.mark.parametrize("shop", SHOPS)
def test_a_customer_of_another_system_is_known_by_their_own_address(caller: Caller, shop: str) -> None:
    mark = word()
    elsewhere = account(caller, "hubspot", mark)

    guest = place(caller, shop, {"id": elsewhere["id"]})
    here = account(caller, shop, f"two-{mark}")
    attached = place(caller, f"{shop}-attaching", {"id": account(caller, "hubspot", f"two-{mark}")["id"]})

    assert (guest["is_guest"], guest["customer"]["email"]) == (True, f"{mark}@example.com")
    assert guest["customer"]["name"] == "Ann Lee"
    assert ("/customer/id", "coerced") in [(one["path"], one["kind"]) for one in guest["loss"]]
    assert (attached["is_guest"], attached["customer"]["remote_id"]) == (False, here["meta"]["remote_id"])


def test_a_customer_who_is_needed_is_created_with_their_own_address_and_name(caller: Caller) -> None:
    mark = word()
    elsewhere = account(caller, "woocommerce", mark)
    body = sale({"id": elsewhere["id"]})

    dry = caller.write("POST", "/v1/orders?connection=hubspot&dry_run=true", body)
    made = caller.create("/v1/orders?connection=hubspot", body)

    assert dry.status_code == 200, dry.text
    contact = caller.get(f"/v1/customers/hubspot:{made['customer']['remote_id']}").json()
    assert (contact["emails"][0]["address"], contact["display_name"]) == (f"{mark}@example.com", "Ann Lee")


def test_a_customer_without_an_address_is_refused_with_both_ways_out(caller: Caller) -> None:
    body = {"first_name": "Ann", "phones": [{"raw": "+441174960123"}]}
    elsewhere = caller.create("/v1/customers?connection=hubspot", body)

    answer = caller.write("POST", "/v1/orders?connection=woocommerce", sale({"id": elsewhere["id"]}))

    assert code_of(answer, 422) == "invalid-field"
    detail = answer.json()["detail"]
    assert "customer.email" in detail
    assert "/copies" in detail


@pytest.mark.parametrize("shop", SHOPS)
def test_the_address_of_a_customer_stays_in_their_realm(caller: Caller, shop: str) -> None:
    elsewhere = account(caller, "apart", word())

    answer = caller.write("POST", f"/v1/orders?connection={shop}", sale({"id": elsewhere["id"]}))

    assert code_of(answer, 422) == "invalid-field"
    assert "customer.email" in answer.json()["detail"]


@pytest.mark.parametrize(("billing", "lost"), [({"name": "Bo Lee"}, True), ({"city": "Kiel"}, False), (None, False)])
def test_a_shop_shows_the_name_of_a_new_billing_address_as_the_buyer(
    caller: Caller, billing: Body | None, lost: bool
) -> None:
    buyer = {"email": f"{word()}@example.com", "name": "Ann Lee"}
    made = place(caller, "woocommerce", buyer, billing_address={"name": "Ann Lee"})

    body = {"customer": None, "billing_address": billing}
    answer = expect(caller.write("PATCH", f"/v1/orders/{made['id']}?connection=woocommerce", body)).json()
    assert bool((answer["customer"] or {}).get("name")) == lost
    assert ("/customer" in [one["path"] for one in answer["meta"]["loss"]]) == lost


def test_hubspot_says_that_a_billing_address_has_the_name_of_the_buyer(caller: Caller) -> None:
    street = {"line1": "Uferweg 3", "city": "Berlin", "country_code": "DE"}
    buyer = {"email": f"{word()}@example.com", "name": "Ann Lee"}
    made = caller.create("/v1/orders?connection=hubspot", sale(buyer, billing_address=street))
    path = f"/v1/orders/{made['id']}?connection=hubspot"
    moved = caller.write("PATCH", path, {"billing_address": street | {"line1": "Uferweg 4"}}).json()
    for answer in (made, moved):
        assert answer["billing_address"]["name"] == "Ann Lee"
        assert [one["path"] for one in answer["meta"]["loss"]] == ["/billing_address/name"]
