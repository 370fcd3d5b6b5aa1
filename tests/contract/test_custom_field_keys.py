"""A custom field that no connection configures is a typo; one that only this connection lacks is a loss."""

from typing import Any

import pytest

from tests.contract.callers import Caller, expect, pointers
from tests.contract.own_facade import own_facade
from tests.contract.samples import customer, order, shop_order, ticket, word

FIELDS = """
[[connections.hubspot.custom_fields.customers]]
key = "loyalty_tier"
vendor_field = "hs_role"

[[connections.shopify.custom_fields.orders]]
key = "gift_note"
vendor_field = "line:note"

[connections.ledger]
vendor = "csv"

[connections.ledger.csv]
object = "customers"
key = "No"

[[connections.ledger.csv.columns]]
column = "No"
field = "external_id"

[[connections.ledger.csv.columns]]
column = "Debtor"
field = "custom_fields.debtor_group"
"""
running_facade, full_key = own_facade(more=FIELDS)


def with_field(body: dict[str, Any], key: str) -> dict[str, Any]:
    return {**body, "custom_fields": [{"key": "loyalty_tier", "value": "gold"}, {"key": key, "value": "gold"}]}


@pytest.mark.parametrize("suffix", ["", "&loss=any", "&dry_run=true", "&upsert_on=email"])
def test_a_misspelt_key_is_refused_with_the_nearest_one(caller: Caller, suffix: str) -> None:
    body = with_field(customer("hubspot"), "loyalty_tear")
    answer = expect(caller.write("POST", f"/v1/customers?connection=hubspot{suffix}", body), 422, "invalid-field")
    assert pointers(answer) == ["/custom_fields/1/key"]
    assert "Did you mean loyalty_tier?" in answer.json()["errors"][0]["detail"]


def test_a_change_and_lines_are_judged_too(caller: Caller) -> None:
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot"))
    changed = caller.write("PATCH", f"/v1/customers/{made['id']}", with_field({}, "tier"))
    assert pointers(changed) == ["/custom_fields/1/key"]

    line = {"name": "Mug", "quantity": "1", "unit_price": "5.00", "custom_fields": [{"key": "gift", "value": "x"}]}
    sold = caller.write("POST", "/v1/orders?connection=shopify", order(line_items=[line]))
    assert pointers(sold) == ["/line_items/0/custom_fields/0/key"]
    assert "gift_note" in sold.json()["detail"]


def test_a_key_of_another_object_is_unknown(caller: Caller) -> None:
    body = ticket("hubspot", custom_fields=[{"key": "loyalty_tier", "value": "gold"}])
    answer = caller.write("POST", "/v1/tickets?connection=hubspot", body)
    assert pointers(answer) == ["/custom_fields/0/key"]
    assert "no connection configures a custom field 'loyalty_tier' of tickets" in answer.json()["detail"]


@pytest.mark.parametrize("key", ["loyalty_tier", "debtor_group"])
def test_a_key_that_only_this_connection_lacks_is_a_loss(caller: Caller, key: str) -> None:
    body = customer("zendesk", custom_fields=[{"key": key, "value": "gold"}])
    made = caller.create("/v1/customers?connection=zendesk", body)
    assert [(one["path"], one["kind"]) for one in made["meta"]["loss"]] == [("/custom_fields/0/key", "dropped")]
    expect(caller.write("POST", "/v1/customers?connection=zendesk&loss=none", body), 422, "unsupported-field")


def test_an_order_with_a_key_of_lines_elsewhere_is_a_loss(caller: Caller) -> None:
    body = shop_order(word(), custom_fields=[{"key": "gift_note", "value": "x"}])
    made = caller.create("/v1/orders?connection=hubspot", body)
    assert "/custom_fields/0/key" in [one["path"] for one in made["meta"]["loss"]]
