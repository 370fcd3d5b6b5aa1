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
  id name number email phone note tags test poNumber sourceName sourceIdentifier
  displayFinancialStatus displayFulfillmentStatus closed closedAt cancelledAt cancelReason
  createdAt updatedAt processedAt currencyCode presentmentCurrencyCode taxesIncluded
  fullyPaid unpaid canMarkAsPaid capturable refundable discountCode discountCodes
  paymentGatewayNames subtotalLineItemsQuantity currentSubtotalLineItemsQuantity
  customAttributes { key value }
  customer { id displayName numberOfOrders amountSpent { amount currencyCode } }
  billingAddress { name } shippingAddress { id name city countryCodeV2 provinceCode }
  billingAddressMatchesShippingAddress
  subtotalPriceSet { ...money } totalDiscountsSet { ...money } totalShippingPriceSet { ...money }
  totalTaxSet { ...money } totalPriceSet { ...money } totalReceivedSet { ...money } totalRefundedSet { ...money }
  totalOutstandingSet { ...money } currentTotalPriceSet { ...money } totalCapturableSet { ...money }
  currentSubtotalPriceSet { ...money } currentTotalTaxSet { ...money } currentTotalDiscountsSet { ...money }
  taxLines { title rate priceSet { ...money } }
  lineItems(first: 10) { nodes {
    id title name sku quantity currentQuantity unfulfilledQuantity
    originalUnitPriceSet { ...money } totalDiscountSet { ...money }
    plain: discountedTotalSet { ...money } coded: discountedTotalSet(withCodeDiscounts: true) { ...money }
    discountAllocations { allocatedAmountSet { ...money } discountApplication { index ... on DiscountCodeApplication {
      code } value { ... on PricingPercentageValue { percentage } ... on MoneyV2 { amount } } } }
    taxLines { title priceSet { ...money } } customAttributes { key value } product { id } variant { id }
  } }
  shippingLines(first: 5) { nodes { title originalPriceSet { ...money } discountedPriceSet { ...money } } }
  transactions(first: 10) { id kind status gateway test amountSet { ...money } parentTransaction { id kind } }
  refunds { note totalRefundedSet { ...money } refundLineItems(first: 10) { nodes {
    quantity restockType subtotalSet { ...money } totalTaxSet { ...money } lineItem { id } } } }
  fulfillments { status totalQuantity trackingInfo { company number } }
  metafields(first: 5) { nodes { namespace key type value } }
"""
MONEY = "fragment money on MoneyBag { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"

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
                 createdDefinition { id namespace key pinnedPosition type { name category }
                   capabilities { uniqueValues { eligible enabled } } }
                 userErrors { field message code } } }""",
            definition={**definition, **more},
        )["metafieldDefinitionCreate"]

    def cancel(self, gid: str, **more: Any) -> Json:
        """The payload of `orderCancel`."""
        return self.data(
            """mutation($id: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $refund: Boolean,
                        $method: OrderCancelRefundMethodInput, $staffNote: String) {
                 orderCancel(orderId: $id, reason: $reason, restock: $restock, refund: $refund, refundMethod: $method,
                             staffNote: $staffNote) {
                   job { id done } orderCancelUserErrors { field message code } userErrors { field message } } }""",
            **{"id": gid, "reason": "CUSTOMER", "restock": True, **more},
        )["orderCancel"]

    def wait_for(self, job: str) -> None:
        """Until the job is done."""
        end = time.monotonic() + PATIENCE
        while not self.data("query($id: ID!) { job(id: $id) { done } }", id=job)["job"]["done"]:
            assert time.monotonic() < end, "The job was never done."
            time.sleep(0.02)


def money(amount: str | float, currency: str = "USD", **presentment: str) -> Json:
    """A `MoneyBagInput`."""
    bag: Json = {"shopMoney": {"amount": amount, "currencyCode": currency}}
    if presentment:
        bag["presentmentMoney"] = {
            "amount": presentment["seen"],
            "currencyCode": presentment.get("seen_in", currency),
        }
    return bag


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
