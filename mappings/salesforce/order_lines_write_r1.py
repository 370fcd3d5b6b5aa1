"""The lines of a new Salesforce order, revision 1.

An order has lines with a price each, and nothing else that adds up: discounts, shipping, fees and taxes are in the
prices, or are lines of the connection's default product. Each line sells an entry of a price book; there are no text
lines (Object Reference, OrderItem).
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from canonical import values
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import sent_or
from canonical.totals import ZERO, added, shares, smallest_unit
from mappings.kit import folding
from mappings.salesforce.field_values import is_id, long_id
from mappings.salesforce.related import PRICE_BOOK, PRICE_ENTRY, default_entry
from mappings.salesforce.wire_v62 import Account, LineFields, NewProduct, OrderWrite
from mappings.spec import Notes

MOST_LINES: Final = 200
"""The most records in one collection."""
MOST_PRODUCTS: Final = 8
"""The most products that one request makes: it has at most 25 parts, two for each product."""
LONGEST_NAME: Final = 255
"""The most characters of an OrderItem's description."""
CENT: Final = Decimal("0.01")
NO_TAX: Final = "Salesforce orders have no taxes"
NEEDS_ENTRY: Final = (
    "Salesforce sells price book entries: send the sku of an active product of the standard price book, or the entry's "
    "id, which begins with 01u, as product.variant_remote_id. For what the org does not sell, set default_product in "
    "the configuration of the connection"
)
OTHER: Final = "the org does not sell this: it is a line of the default product, with this name as its description"


NewProducts = dict[tuple[str, str], NewProduct]
"""Products to make, by SKU and name."""


class OrderLines(Struct, frozen=True, kw_only=True):
    """The lines, and the products that are made for them."""

    lines: tuple[LineFields, ...]
    products: tuple[NewProduct, ...] = ()


def write(patch: OrderPatch, account: Account, notes: Notes) -> OrderLines:
    """Return the lines of a new order. They add up to its sum."""
    sent = len(sent_or(patch.line_items, ()))
    for place, line in enumerate(sent_or(patch.line_items, ())):
        _check(line, f"/line_items/{place}", notes)
    patch = _folded(patch, account, notes)
    for name in ("discounts", "shipping_lines", "fees"):
        if getattr(patch, name):
            notes.unsupported(f"/{name}", "a Salesforce order has lines alone, and none has a price that it fits into")
    lines = sent_or(patch.line_items, ())
    if len(lines) > MOST_LINES:
        notes.invalid("/line_items", f"Salesforce accepts at most {MOST_LINES} lines with a new order")
    new: NewProducts = {}
    written = tuple(
        _line(one, pointer, account, new, notes, at >= sent)
        for at, one in enumerate(lines)
        if folding.is_sold(one, "Salesforce", pointer := f"/line_items/{at}", notes)
    )
    if len(new) > MOST_PRODUCTS:
        notes.invalid("/line_items", f"at most {MOST_PRODUCTS} new products can be made with one order")
    return OrderLines(lines=written, products=tuple(new.values()))


def total_of(body: OrderWrite, account: Account) -> Decimal | None:
    """Return the sum of a new order: Salesforce rounds the price of each line to two decimals."""
    return sum([folding.amount_of(one).quantize(CENT, ROUND_HALF_UP) for one in lines_of(body)], ZERO)


def lines_of(body: OrderWrite) -> tuple[LineItemPatch, ...]:
    """Return the lines of a new order, with the amounts folded into them."""
    return tuple(
        LineItemPatch(
            name=sent_or(one.description, None),
            quantity=bytes(one.quantity).decode(),
            unit_price=bytes(one.unit_price).decode(),
        )
        for one in body.lines
    )


def _folded(patch: OrderPatch, account: Account, notes: Notes) -> OrderPatch:
    """Return the order as lines alone. Without a product for other things, they are in the prices of its lines."""
    if sells_others(account):
        patch = folding.tax_as_line(patch, notes, NO_TAX)  # first: its losses point into what was sent
        patch = folding.fees_as_lines(patch, notes, "Salesforce")
        patch = folding.shipping_as_lines(patch, notes, "Salesforce")
    else:
        patch = _charges_in_prices(folding.tax_in_prices(patch, notes, NO_TAX), notes)
    return folding.discounts_in_prices(patch, notes, "Salesforce")


def _charges_in_prices(patch: OrderPatch, notes: Notes) -> OrderPatch:
    lines, charges, fees = sent_or(patch.line_items, ()), sent_or(patch.shipping_lines, ()), sent_or(patch.fees, ())
    more = added(one.price for one in charges) + added(one.amount for one in fees)
    if not lines or not (charges or fees):
        return patch
    for name, items in (("shipping_lines", charges), ("fees", fees)):
        for place in range(len(items)):
            notes.fold(f"/{name}/{place}", "/line_items", "the prices of the lines are higher by it")
    currency = folding.currency_of(patch)
    parts = shares(more, [folding.amount_of(line) for line in lines], smallest_unit(currency))
    return replace(patch, line_items=folding.repriced(lines, parts, currency, notes), shipping_lines=UNSET, fees=UNSET)


def sells_others(account: Account) -> bool:
    """Return whether a line can be of something that the org does not sell."""
    return default_entry(account) is not None or PRICE_BOOK in account.related


def _check(line: LineItemPatch, pointer: str, notes: Notes) -> None:
    """Refuse the members of a line that have no place."""
    if line.unit_price is None:
        notes.invalid(f"{pointer}/unit_price", "Salesforce requires a unit_price for every line")
    for name in ("requires_shipping", "taxable", "custom_fields"):
        if getattr(line, name) not in (None, ()):
            notes.unsupported(f"{pointer}/{name}", "Salesforce keeps it on the product")
    if line.options:
        notes.unsupported(f"{pointer}/options", "Salesforce keeps no options on an order line")
    if line.product_id is not None:
        notes.unsupported(f"{pointer}/product/remote_id", "the price book entry determines the product")


def _line(
    line: LineItemPatch, pointer: str, account: Account, new: NewProducts, notes: Notes, is_added: bool
) -> LineFields:
    """Return a line: an entry of a price book, quantity, price, and the text that the buyer saw. `is_added`: it is not
    in the body."""
    entry, name = line.variant_id or "", line.name or line.sku or ""
    if len(name) > LONGEST_NAME:
        notes.lose(f"{pointer}/name", "truncated", f"Salesforce keeps {LONGEST_NAME} characters of the name of a line")
        name = name[:LONGEST_NAME]
    if not is_id(entry, (PRICE_ENTRY,)):
        other = _other_entry(line, name, pointer, account, new, Notes() if is_added else notes)
        if other is None:
            notes.invalid(f"{pointer}/product/variant_remote_id" if entry else pointer, NEEDS_ENTRY)
        entry = other or entry
    elif line.sku is not None and line.product is not None and line.product.sku != line.sku:
        notes.lose(f"{pointer}/sku", "coerced", "the line has the sku of its product")
    return LineFields(
        pricebook_entry_id=long_id(entry),
        quantity=_json_number(line.quantity),
        unit_price=_json_number(line.unit_price or "0"),
        description=name or UNSET,
    )


def _other_entry(
    line: LineItemPatch, name: str, pointer: str, account: Account, new: NewProducts, notes: Notes
) -> str | None:
    """Return the entry for a line whose product the org does not sell: of a product that is made with the order, if the
    connection allows that and the line has a SKU or there is no default, else of the default product."""
    other = default_entry(account)
    if PRICE_BOOK in account.related and (line.sku or other is None):
        price = _json_number(line.unit_price or "0")
        made = NewProduct(entry=f"entry{len(new)}", name=name, code=line.sku or UNSET, unit_price=price)
        notes.lose(f"{pointer}/product", "defaulted", "the product is made with the order")
        return f"@{{{new.setdefault((line.sku or '', name), made).entry}.id}}"
    if other is not None:
        notes.lose(f"{pointer}/product", "coerced", OTHER)
        if line.sku:
            notes.lose(f"{pointer}/sku", "coerced", "the line has the sku of the default product")
    return other


def _json_number(amount: str) -> Raw:
    """Return a decimal string as a JSON number with all its digits, which a float would not keep."""
    return Raw(values.decimal_string(Decimal(amount)).encode())
