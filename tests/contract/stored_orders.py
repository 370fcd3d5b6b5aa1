"""What the vendors hold of an order, as they compute it: read from the emulators as a program of the vendor would."""

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import httpx

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.contract.processes import NO_TLS

CENTS: Final = Decimal("0.01")


class StoredOrder(NamedTuple):
    """The sum of an order, and how often each quantity occurs among its lines."""

    total: Decimal
    quantities: Counter[Decimal]


class Vault(httpx.Client):
    """The interface of one vendor, with its credential."""

    def __init__(self, emulators: str, vendor: str) -> None:
        def secret(name: str) -> str:
            return EMULATOR_CREDENTIALS[f"LOCKSTITCH_DEV_{vendor.upper()}_{name}"]

        headers, auth = {}, None
        match vendor:
            case "woocommerce":
                auth = httpx.BasicAuth(secret("CONSUMER_KEY"), secret("CONSUMER_SECRET"))
            case "shopify":
                headers = {"X-Shopify-Access-Token": secret("TOKEN")}
            case _:
                headers = {"Authorization": f"Bearer {secret('KEY' if vendor == 'stripe' else 'TOKEN')}"}
        super().__init__(base_url=f"{emulators}/{vendor}", headers=headers, auth=auth, verify=NO_TLS, timeout=30)

    def ask(self, path: str, body: Any = None, **query: str) -> Any:
        """Return the JSON of an answer; a body is sent by POST."""
        answer = self.get(path, params=query) if body is None else self.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def _hubspot(vault: Vault, id: str) -> StoredOrder:
    names = "hs_total_price,hs_order_discount,hs_shipping_cost,hs_tax"
    order = vault.ask(f"/crm/v3/objects/orders/{id}", properties=names, associations="line_items")
    ids = {one["id"] for one in order.get("associations", {}).get("line items", {}).get("results", ())}
    wanted = {"inputs": [{"id": one} for one in sorted(ids)], "properties": ["quantity", "amount"]}
    lines = vault.ask("/crm/v3/objects/line_items/batch/read", wanted)["results"] if ids else []
    total, discount, shipping, tax = (Decimal(order["properties"].get(name) or 0) for name in names.split(","))
    net = sum((Decimal(one["properties"]["amount"]) for one in lines), Decimal(0)) - discount + shipping
    assert total in (net.quantize(CENTS), (net + tax).quantize(CENTS)), "the total is not that of the lines"
    return StoredOrder(total, Counter(Decimal(one["properties"]["quantity"]) for one in lines))


def _salesforce(vault: Vault, id: str) -> StoredOrder:
    def query(soql: str) -> Any:
        return vault.ask("/services/data/v62.0/query", q=soql)["records"]

    (order,) = query(f"SELECT TotalAmount FROM Order WHERE Id = '{id}'")  # noqa: S608 - an id of the emulator
    lines = query(f"SELECT Quantity FROM OrderItem WHERE OrderId = '{id}'")  # noqa: S608
    return StoredOrder(_decimal(order["TotalAmount"]), Counter(_decimal(one["Quantity"]) for one in lines))


def _shopify(vault: Vault, id: str) -> StoredOrder:
    query = (
        "query($id: ID!) { order(id: $id) { totalPriceSet { shopMoney { amount } }"
        " lineItems(first: 50) { nodes { quantity } } } }"
    )
    request = {"query": query, "variables": {"id": f"gid://shopify/Order/{id}"}}
    order = vault.ask("/admin/api/2026-07/graphql.json", request)["data"]["order"]
    quantities = Counter(_decimal(one["quantity"]) for one in order["lineItems"]["nodes"])
    return StoredOrder(_decimal(order["totalPriceSet"]["shopMoney"]["amount"]), quantities)


def _stripe(vault: Vault, id: str) -> StoredOrder:
    session = vault.ask(f"/v1/checkout/sessions/{id}")
    lines = vault.ask(f"/v1/checkout/sessions/{id}/line_items", limit="100")["data"]
    return StoredOrder(session["amount_total"] * CENTS, Counter(_decimal(one["quantity"]) for one in lines))


def _woocommerce(vault: Vault, id: str) -> StoredOrder:
    order = vault.ask(f"/wp-json/wc/v3/orders/{id}")
    of_fees = [meta["value"] for fee in order["fee_lines"] for meta in fee["meta_data"] if meta["key"] == FEE_LINE]
    quantities = [_decimal(one["quantity"]) for one in (*order["line_items"], *of_fees)]
    return StoredOrder(_decimal(order["total"]), Counter(quantities))


FEE_LINE: Final = "_lockstitch_line"
"""The meta of a line without a product, which WooCommerce keeps as a fee."""
READ: Final[Mapping[str, Callable[[Vault, str], StoredOrder]]] = {
    "hubspot": _hubspot,
    "salesforce": _salesforce,
    "shopify": _shopify,
    "stripe": _stripe,
    "woocommerce": _woocommerce,
}


def _decimal(amount: Any) -> Decimal:
    return Decimal(str(amount)).normalize()
