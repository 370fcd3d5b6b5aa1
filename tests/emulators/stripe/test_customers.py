"""Customers, as Stripe's own package meets them."""

from typing import Any

import pytest
import stripe

from .conftest import Shop, error


def test_a_customer_is_made_changed_and_deleted_for_good(shop: Shop) -> None:
    made = shop.customer(
        name="Ann Lee",
        email="Ann@example.com",
        metadata={"a": "1", "b": "2"},
        shipping={"name": "Ann", "address": {"city": "Bonn"}},
    )
    assert (made.name, made.email, made.metadata["a"]) == ("Ann Lee", "Ann@example.com", "1")
    assert made.shipping is not None
    changed = shop.sdk.customers.update(made.id, {"name": "", "metadata": {"a": "", "c": "3"}, "shipping": ""})
    assert (changed.name, changed.shipping) == (None, None)
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert shop.sdk.customers.delete(made.id).deleted
    assert shop.http.get(f"customers/{made.id}").json() == {"id": made.id, "object": "customer", "deleted": True}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.sdk.customers.update(made.id, {"name": "X"})
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


def test_an_address_is_replaced_whole(shop: Shop) -> None:
    made = shop.customer(address={"city": "Bonn", "line1": "A 1"})
    changed = shop.sdk.customers.update(made.id, {"address": {"city": "Bern"}})
    assert changed.address is not None
    assert (changed.address.city, changed.address.line1) == ("Bern", None)


def test_lists_go_from_new_to_old_by_pages(shop: Shop) -> None:
    made = [shop.customer(name=str(number)).id for number in range(5)]
    assert [one.id for one in shop.sdk.customers.list({"limit": 2}).auto_paging_iter()] == made[::-1]
    before = shop.sdk.customers.list({"limit": 2, "ending_before": made[0]})
    assert [one.id for one in before.data] == [made[2], made[1]]
    assert before.has_more


def test_a_list_by_email_is_case_sensitive_and_current(shop: Shop) -> None:
    shop.emulators.limit("stripe", search_lag=3600)
    made = [shop.customer(email="ann@example.com").id for _ in range(2)]
    assert [one.id for one in shop.sdk.customers.list({"email": "ann@example.com"}).data] == made[::-1]
    assert shop.sdk.customers.list({"email": "Ann@example.com"}).data == []
    assert shop.sdk.customers.search({"query": 'email:"ann@example.com"'}).data == []


def test_a_search_goes_by_metadata_and_fields(shop: Shop) -> None:
    made = shop.customer(name='Ann "the Needle" Lee', metadata={"tier": "gold"}).id
    shop.customer(name="Bo", metadata={"tier": "silver"})
    for query in ('metadata["tier"]:"GOLD"', 'name~"needle"', 'metadata["tier"]:"gold" AND name~"\\"the"'):
        assert [one.id for one in shop.sdk.customers.search({"query": query}).data] == [made]
    assert error(shop.http.get("customers/search", params={"query": "tier=gold"}))["param"] == "query"


def test_created_filters(shop: Shop) -> None:
    made = shop.customer()
    assert len(shop.sdk.customers.list({"created": {"gte": made.created}}).data) == 1
    assert shop.sdk.customers.list({"created": {"gt": made.created + 5}}).data == []


def test_subscriptions_and_tax_numbers_come_along_when_asked_for(shop: Shop) -> None:
    made = shop.customer(tax_id_data=[{"type": "eu_vat", "value": "DE123456789"}])
    shop.emulators.place("stripe", "subscriptions", {"customer": made.id, "status": "active"})
    shop.emulators.place("stripe", "subscriptions", {"customer": made.id, "status": "canceled"})
    whole: dict[str, Any] = shop.http.get(
        f"customers/{made.id}", params={"expand[]": ["subscriptions", "tax_ids"]}
    ).json()
    assert [one["status"] for one in whole["subscriptions"]["data"]] == ["active"]
    assert [one["country"] for one in whole["tax_ids"]["data"]] == ["DE"]
    assert "subscriptions" not in shop.http.get(f"customers/{made.id}").json()
    page = shop.http.get("customers", params={"expand[]": "data.subscriptions"}).json()
    assert len(page["data"][0]["subscriptions"]["data"]) == 1


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"colour": "red"}, "colour", "parameter_unknown"),
        ({"email": "nobody"}, "email", "email_invalid"),
        ({"phone": "1" * 21}, "phone", None),
        ({"tax_exempt": "sometimes"}, "tax_exempt", None),
        ({"address": "Bonn"}, "address", None),
        ({"address[town]": "Bonn"}, "address[town]", "parameter_unknown"),
        ({f"metadata[{'k' * 41}]": "1"}, "metadata", None),
        ({"metadata[k]": "v" * 501}, "metadata[k]", None),
        ({"balance": "much"}, "balance", "parameter_invalid_integer"),
        ({"name": "a", "name[b]": "c"}, "name[b]", None),
        ({"[": "c"}, "[", None),
        ({"expand[]": "orders"}, "expand", None),
        ({"expand[]": "a.b.c.d.e"}, "expand", None),
    ],
)
def test_what_cannot_be_is_refused_with_its_parameter(
    shop: Shop, fields: dict[str, str], param: str, code: str | None
) -> None:
    refusal = error(shop.post("customers", **fields))
    assert (refusal["type"], refusal.get("param"), refusal.get("code")) == ("invalid_request_error", param, code)
    assert shop.emulators.records("stripe", "customers") == []
