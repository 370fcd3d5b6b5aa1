"""The emulator answers any document and any placed record, and never crashes."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from emulators.http import Call
from emulators.shopify import EMULATOR
from emulators.state import State
from emulators.store import Store
from emulators.webhooks import Change

SCHEMA = Path(__file__).resolve().parents[3] / "emulators" / "shopify" / "schema"
SDL = "\n".join(file.read_text() for file in sorted(SCHEMA.glob("*.graphql")))
SCALARS = {
    "DateTime": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01", "soon"]).map(nodes.String),
    "Decimal": st.sampled_from(["1", "-1", "1e3", "0.005", "99999999999999", "NaN", "a"]).map(nodes.String),
    "URL": st.just("https://example.com").map(nodes.String),
}
MEMBERS = st.sampled_from(
    [
        *("id", "name", "nodes", "shopMoney", "amount", "currencyCode", "quantity", "title", "value", "percentage"),
        *("key", "namespace", "emailAddress", "phoneNumber", "city", "currentQuantity", "zip", "type"),
    ]
)
ORDER = st.sampled_from(
    [
        *("id", "name", "customer", "lineItems", "transactions", "refunds", "fulfillments", "totalPriceSet", "tags"),
        *("currencyCode", "billingAddress", "discountApplications", "shippingLines", "metafields", "updatedAt", "test"),
        *("displayFinancialStatus", "totalReceivedSet", "fulfillmentsCount", "number"),
    ]
)
CUSTOMER = st.sampled_from(
    [
        *(
            "id",
            "firstName",
            "displayName",
            "defaultEmailAddress",
            "defaultPhoneNumber",
            "addressesV2",
            "tags",
            "state",
        ),
        *("defaultAddress", "metafields", "amountSpent", "numberOfOrders", "createdAt", "locale", "taxExemptions"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=12,
)
READ = {
    "Order": """query($id: ID!) { order(id: $id) {
        name tags test updatedAt displayFinancialStatus customer { id displayName }
        totalPriceSet { shopMoney { amount } } totalReceivedSet { shopMoney { amount currencyCode } }
        billingAddress { city } metafield(namespace: "a", key: "b") { value }
        metafields(first: 2, keys: ["a.b"]) { nodes { value } } fulfillments(first: 1) { status }
        lineItems(first: 3) { nodes { name quantity taxLines { priceSet { shopMoney { amount } } } }
          pageInfo { endCursor } }
        transactions(first: 2) { kind } refunds(first: 2) { refundLineItems(first: 2) { nodes { quantity } } }
        discountApplications(first: 2) { nodes { index value { ... on MoneyV2 { amount } } } }
        shippingLines(first: 1) { nodes { title } } } }""",
    "Customer": """query($id: ID!) { customer(id: $id) {
        displayName firstName tags state locale createdAt numberOfOrders amountSpent { amount } taxExemptions
        defaultEmailAddress { emailAddress } defaultAddress { city } addressesV2(first: 2) { nodes { id } }
        metafields(first: 2) { nodes { key } } } }""",
}
NONSENSE = settings(suppress_health_check=list(HealthCheck))


class Bench:
    """An emulator with a memory of its own, without a socket before it."""

    def __init__(self) -> None:
        self.store = Store(None)
        self.state = State(self.store, "shopify")

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The body of the answer, which must be no failure."""
        call = Call(
            method="POST",
            path="/admin/api/2026-07/graphql.json",
            headers={"x-shopify-access-token": "shopify-dev-token"},
            body=msgspec.json.encode({"query": query, "variables": variables}),
        )
        with self.store.transaction():
            answer = EMULATOR.answer(call, self.state, time.time() + 10)
        assert answer.status == 200
        body: dict[str, Any] = answer.json()
        codes = [error.get("extensions", {}).get("code") for error in body.get("errors", ())]
        assert "INTERNAL_SERVER_ERROR" not in codes
        return body


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@NONSENSE
@given(document=st.deferred(lambda: mutations(SDL, custom_scalars=SCALARS)))
def test_any_mutation_gets_an_answer(bench: Bench, document: str) -> None:
    bench.ask(document)


@NONSENSE
@given(document=st.deferred(lambda: queries(SDL, custom_scalars=SCALARS)))
def test_any_query_gets_an_answer(bench: Bench, document: str) -> None:
    bench.ask(document)


@pytest.mark.parametrize(("kind", "members"), [("Order", ORDER), ("Customer", CUSTOMER)])
@NONSENSE
@given(data=st.data())
def test_any_placed_record_can_be_read_listed_and_searched(
    bench: Bench, kind: str, members: st.SearchStrategy[str], data: st.DataObject
) -> None:
    payload = data.draw(st.dictionaries(members, VALUES, max_size=10))
    placed = EMULATOR.put_record(kind, payload, bench.state)
    bench.ask(READ[kind], id=placed["id"])
    listed = bench.ask(
        """{ orders(first: 2, query: "updated_at:>2020-01-01 OR customer_id:1 OR name:c", sortKey: UPDATED_AT) {
               nodes { id } } customers(first: 2, query: "email:a OR x", sortKey: CREATED_AT) { nodes { id } } }"""
    )
    assert "errors" not in listed
    for before, after in ((None, placed), (placed, {**placed, "note": "x"}), (placed, None)):
        change = Change(object=kind, id=placed["id"], before=before, after=after, at=1.0)
        messages = EMULATOR.webhooks([change], bench.state)
        assert [one.topics[0].split("/")[0] for one in messages][:1] == [f"{kind.lower()}s"]
