"""Test orders: production refuses them to a system that has none. Elsewhere they are written, and the loss is announced
(`test_portability.py` carries those of Stripe)."""

import pytest

from app.settings.environment import is_production
from tests.contract.callers import Caller, expect, pointers
from tests.contract.own_facade import own_facade
from tests.contract.samples import order, shop_order, word
from tests.contract.vendor_samples import all_vendors

PATH = "/v1/orders?connection=hubspot"

running_facade, full_key = own_facade(all_vendors, LOCKSTITCH_ENVIRONMENT="prod")


def test_production_refuses_a_test_order_that_would_be_a_sale(caller: Caller) -> None:
    body = shop_order(is_test=True)
    answer = expect(caller.write("POST", PATH, body), 422, "unsupported-field")
    assert pointers(answer) == ["/is_test"]
    assert "?loss=any" in answer.json()["detail"]

    made = caller.create(f"{PATH}&loss=any", body)
    assert ("/is_test", "dropped") in [(one["path"], one["kind"]) for one in made["meta"]["loss"]]


@pytest.mark.parametrize("connection", ["stripe", "shopify"])
def test_it_goes_to_a_test_account_and_to_where_there_are_test_orders(caller: Caller, connection: str) -> None:
    """The key of Stripe says that its account is a test."""
    made = caller.create(f"/v1/orders?connection={connection}", order(word(), is_test=True))
    assert made["is_test"] is True
    assert "/is_test" not in [one["path"] for one in made["meta"]["loss"]]


@pytest.mark.parametrize(
    ("environment", "production"), [("prod", True), ("eu-west", True), ("dev", False), ("staging-2", False)]
)
def test_an_environment_is_production_unless_its_name_says_otherwise(environment: str, production: bool) -> None:
    assert is_production(environment) is production
