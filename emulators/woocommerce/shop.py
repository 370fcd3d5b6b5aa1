"""One call's view of the shop: its state, its settings, the time in both clocks, and its products."""

import html
import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from emulators.http import Call
from emulators.state import JsonRecord, State
from emulators.woocommerce.errors import invalid, refused

FIRST_USER = 2
FIRST_POST = 101
FIRST_ITEM = 1
SETTINGS = {
    "woocommerce_default_country": "CH:ZH",
    "woocommerce_calc_taxes": "no",
    "woocommerce_prices_include_tax": "no",
    "woocommerce_currency": "EUR",
    "woocommerce_price_num_decimals": "2",
    "woocommerce_registration_generate_password": "yes",
    "gmt_offset": "1",
    "standard_rate": "19",
}
"""The settings of a new shop. WordPress keeps the offset and the rate elsewhere; here a test places them with the other
settings."""
GENERAL = ("woocommerce_default_country", "woocommerce_calc_taxes", "woocommerce_currency")
PRODUCTS: tuple[JsonRecord, ...] = (
    {
        "id": 11,
        "name": "Mug",
        "sku": "MUG",
        "price": "19.90",
        "type": "simple",
        "parent_id": 0,
        "manage_stock": True,
        "stock_quantity": 12,
    },
    {"id": 12, "name": "Scarf", "sku": "SCARF", "price": "45.00", "type": "variable", "parent_id": 0},
    {
        "id": 13,
        "name": "Scarf - Blue",
        "sku": "SCARF-BLUE",
        "price": "45.00",
        "type": "variation",
        "parent_id": 12,
        "attributes": [{"slug": "pa_color", "name": "Color", "option": "Blue"}],
        "manage_stock": True,
        "stock_quantity": 9,
        "low_stock_amount": 3,
    },
)
_TAG = re.compile(r"<[^>]*>")
_SCRIPT = re.compile(r"<(script|style)[^>]*>.*?</\1>", re.IGNORECASE | re.DOTALL)
_LESS_THAN = re.compile(r"<[^>]*?((?=<)|>|$)")
_OCTET = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
_SPACES = re.compile(r"[\r\n\t ]+")


class Shop:
    """The context of a handler. `now` is in Unix seconds; `base` is the shop's URL without a slash at the end."""

    def __init__(self, state: State, now: float, base: str) -> None:
        """View the shop in one call."""
        self.state = state
        self.now = now
        self.base = base
        self.api = f"{base}/wp-json/wc/v3"

    def setting(self, name: str) -> str:
        """Return a setting of the shop: the placed one, or that of a new shop."""
        placed = self.state.get("settings", name)
        return SETTINGS[name] if placed is None else str(placed["value"])

    @property
    def decimals(self) -> int:
        """Return the number of decimals of stored sums."""
        return int(self.setting("woocommerce_price_num_decimals"))

    @property
    def rate(self) -> Decimal:
        """Return the tax rate for everything; 0 if the shop charges none."""
        charged = self.setting("woocommerce_calc_taxes") == "yes"
        return Decimal(self.setting("standard_rate")) / 100 if charged else Decimal()

    def sum(self, amount: Decimal) -> str:
        """Return an amount as the shop stores it: PHP rounds half away from zero."""
        kept = amount.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP)
        return format(kept if kept else abs(kept), "f")

    def times(self, name: str, at: float | None) -> JsonRecord:
        """Return a time in the shop's zone and in GMT, both without an offset."""
        if at is None:
            return {name: None, f"{name}_gmt": None}
        gmt = datetime.fromtimestamp(int(at), UTC)
        local = gmt + timedelta(hours=float(self.setting("gmt_offset")))
        return {name: f"{local:%Y-%m-%dT%H:%M:%S}", f"{name}_gmt": f"{gmt:%Y-%m-%dT%H:%M:%S}"}

    def links(self, kind: str, id: object) -> JsonRecord:
        """Return the URLs of a record."""
        return {"self": [{"href": f"{self.api}/{kind}/{id}"}], "collection": [{"href": f"{self.api}/{kind}"}]}

    def product(self, id: object) -> JsonRecord | None:
        """Return a product: a placed one, or one of a new shop."""
        placed = self.state.get("products", str(id))
        return placed or next((one for one in PRODUCTS if str(one["id"]) == str(id)), None)

    def products(self) -> list[JsonRecord]:
        """Return all products and variations by id: those of a new shop, as they were placed or changed since."""
        placed = {one["id"]: one for one in self.state.all("products")}
        everything = {one["id"]: one for one in PRODUCTS} | placed
        return sorted(everything.values(), key=lambda one: int(one["id"]))

    def product_of_sku(self, sku: str) -> JsonRecord | None:
        """Return the product with this SKU."""
        everything = (*self.state.all("products"), *PRODUCTS)
        return next((one for one in everything if one.get("sku") == sku), None)

    def products_of_skus(self, skus: str) -> list[JsonRecord]:
        """Return the products and variations with one of these SKUs, or with the whole text as SKU."""
        wanted = {*(one.lower() for one in skus.split(",")), skus.lower()}
        return [one for one in self.products() if str(one.get("sku") or "\0").lower() in wanted]

    def next_item(self) -> int:
        """Return a new id for a line of any kind."""
        return self.state.next_id("items", FIRST_ITEM)


def body_of(call: Call) -> JsonRecord:
    """Return the JSON object of a write. No body is an empty object."""
    if not call.body:
        return {}
    body = call.json()
    if not isinstance(body, dict):
        raise refused(400, "rest_invalid_json", "Invalid JSON body passed.")
    return body


def cleaned(value: Any) -> str:
    """Return text after WordPress's `sanitize_text_field`: a "<" that opens no tag becomes an entity; tags, line
    breaks, repeated spaces and percent-encoded octets are removed."""
    text = _LESS_THAN.sub(lambda match: match[0] if ">" in match[0] else html.escape(match[0], quote=True), str(value))
    text = _SPACES.sub(" ", _TAG.sub("", _SCRIPT.sub("", text))).strip()
    while (octet := _OCTET.search(text)) is not None:
        text = _SPACES.sub(" ", text.replace(octet[0], "")).strip()
    return text


def text_of(body: JsonRecord, name: str) -> str | None:
    """Return a text parameter; None if it is absent. 400 for another type."""
    if name not in body:
        return None
    value = body[name]
    if not isinstance(value, str):
        raise invalid(name, f"{name} is not of type string.")
    return value
