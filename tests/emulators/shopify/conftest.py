"""A client of the Shopify emulator."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.callers import expect

from ..conftest import PATIENCE, RunningEmulators

TOKEN = "shopify-dev-token"
PATH = "/shopify/admin/api/2026-07/graphql.json"

# Enough of an order for most tests.
ORDER = """
  id name email phone note tags test sourceName displayFinancialStatus displayFulfillmentStatus
  closedAt cancelledAt cancelReason createdAt updatedAt processedAt currencyCode presentmentCurrencyCode taxesIncluded
  customAttributes { key value } customer { id displayName numberOfOrders amountSpent { amount currencyCode } }
  billingAddress { name } shippingAddress { id name city countryCodeV2 provinceCode }
  totalDiscountsSet { ...money } totalShippingPriceSet { ...money } totalTaxSet { ...money } totalPriceSet { ...money }
  totalReceivedSet { ...money } totalRefundedSet { ...money } totalOutstandingSet { ...money }
  lineItems(first: 10) { nodes {
    id name sku quantity currentQuantity unfulfilledQuantity originalUnitPriceSet { ...money }
    discountAllocations { allocatedAmountSet { ...money } discountApplication { index ... on DiscountCodeApplication {
      code } value { ... on PricingPercentageValue { percentage } ... on MoneyV2 { amount } } } }
    taxLines { priceSet { ...money } } customAttributes { key value } product { id } variant { id }
  } }
  shippingLines(first: 5) { nodes { title originalPriceSet { ...money } } }
  transactions(first: 10) { id kind status gateway amountSet { ...money } }
  refunds(first: 5) { note totalRefundedSet { ...money } refundLineItems(first: 10) { nodes {
    quantity subtotalSet { ...money } lineItem { id } } } }
  metafields(first: 5) { nodes { namespace key type value } }
"""
MONEY = "fragment money on MoneyBag { shopMoney { amount currencyCode } }"

Json = dict[str, Any]


class Shop:
    """The Admin API of one shop, with what the tests ask of it most."""

    def __init__(self, emulators: RunningEmulators) -> None:
        self.emulators = emulators
        self.http = emulators.client(headers={"X-Shopify-Access-Token": TOKEN})

    def ask(self, query: str, **variables: Any) -> Json:
        """The whole body of an answer, errors and extensions too."""
        return expect(self.http.post(PATH, json={"query": query, "variables": variables})).json()

    def data(self, query: str, **variables: Any) -> Json:
        """The data of a query that has no errors at the top."""
        body = self.ask(query, **variables)
        assert "errors" not in body, body["errors"]
        return body["data"]

    def create_customer(self, **members: Any) -> Json:
        """The payload of `customerCreate`."""
        return self.data(
            """mutation($input: CustomerInput!) { customerCreate(input: $input) {
                 customer { id displayName tags } userErrors { field message } } }""",
            input=members,
        )["customerCreate"]

    def customer(self, **members: Any) -> Json:
        """A customer who was let in."""
        payload = self.create_customer(**members)
        assert payload["userErrors"] == []
        return payload["customer"]

    def create_order(self, **members: Any) -> Json:
        """The payload of `orderCreate`; one kettle when no lines are given."""
        return self.data(
            f"""mutation($order: OrderCreateOrderInput!) {{ orderCreate(order: $order) {{
                  order {{ {ORDER} }} userErrors {{ field message code }} }} }} {MONEY}""",
            order={"lineItems": [line()], **members},
        )["orderCreate"]

    def order(self, **members: Any) -> Json:
        """An order that was let in."""
        payload = self.create_order(**members)
        assert payload["userErrors"] == []
        return payload["order"]

    def read_order(self, gid: str) -> Json | None:
        """The order with this id, as it is now."""
        return self.data(f"query($id: ID!) {{ order(id: $id) {{ {ORDER} }} }} {MONEY}", id=gid)["order"]

    def define(self, owner: str = "ORDER", key: str = "operation", **more: Any) -> Json:
        """The payload of a `metafieldDefinitionCreate` in the namespace `lockstitch`, of type `id`."""
        definition = {"name": "Operation", "namespace": "lockstitch", "key": key, "ownerType": owner, "type": "id"}
        return self.data(
            """mutation($definition: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $definition) {
                 createdDefinition { id namespace key }
                 userErrors { field message code } } }""",
            definition={**definition, **more},
        )["metafieldDefinitionCreate"]

    def cancel(self, gid: str, **more: Any) -> Json:
        """The payload of `orderCancel`."""
        return self.data(
            """mutation($id: ID!, $reason: OrderCancelReason!, $restock: Boolean!,
                        $method: OrderCancelRefundMethodInput, $staffNote: String) {
                 orderCancel(orderId: $id, reason: $reason, restock: $restock, refundMethod: $method,
                             staffNote: $staffNote) {
                   job { id done } orderCancelUserErrors { field message code } } }""",
            **{"id": gid, "reason": "CUSTOMER", "restock": True, **more},
        )["orderCancel"]

    def cancelled(self, gid: str) -> Json:
        """The order, when its cancellation is done."""
        end = time.monotonic() + PATIENCE
        while (order := self.read_order(gid)) is None or order["cancelledAt"] is None:
            assert time.monotonic() < end, "The job was never done."
            time.sleep(0.02)
        return order


def money(amount: str | float, currency: str = "USD") -> Json:
    """A `MoneyBagInput`."""
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def line(title: str = "Kettle", price: str | float = "20.00", quantity: int = 1, **more: Any) -> Json:
    """An `OrderCreateLineItemInput` of a thing that is no product of the shop."""
    return {"title": title, "quantity": quantity, "priceSet": money(price), **more}


def amount(bag: Json) -> str:
    """The shop's side of a `MoneyBag`."""
    return bag["shopMoney"]["amount"]


@pytest.fixture
def shop(emulators: RunningEmulators) -> Iterator[Shop]:
    """An empty shop whose search does not lag."""
    emulators.limit("shopify", search_lag=0)
    shop = Shop(emulators)
    yield shop
    shop.http.close()
