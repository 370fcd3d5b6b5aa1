"""Validate a write before any vendor call: formats, codes, and combinations of fields."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct, UnsetType

from canonical import values
from canonical.customer import CustomerPatch, EmailPatch, PhonePatch
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import AddressPatch, ReferencePatch
from canonical.references import references_of
from canonical.ticket import CommentPatch, TicketPatch
from canonical.totals import is_too_large


class PatchError(Struct, frozen=True, kw_only=True):
    """One error in a body, at a JSON Pointer (RFC 6901)."""

    pointer: str
    detail: str


PatchErrors = Iterator[PatchError]
KEYS: Final = {
    "customer": ("id", "remote_id", "email", "phone", "name"),
    "requester": ("id", "remote_id", "email", "phone"),
    "followers": ("id", "remote_id", "email"),
}
"""Members that name a person; one of them is required. A name alone is enough for the copy in an order."""


def patch_errors(patch: Struct) -> list[PatchError]:
    """Return all errors of a well-formed patch at once. Empty if it is valid."""
    check = _CHECKS.get(type(patch))
    return [] if check is None else list(check(patch))


def _customer(patch: CustomerPatch) -> PatchErrors:
    yield from _references(patch)
    yield from _emails("/emails", _items(patch.emails))
    yield from _phones("/phones", _items(patch.phones))
    for index, address in enumerate(_items(patch.addresses)):
        yield from _address(f"/addresses/{index}", address)
    yield from _one_default(
        "/addresses", [address.is_default is True for address in _items(patch.addresses)], "is_default"
    )
    if (tag := _text(patch.language)) is not None and values.language(tag) is None:
        yield PatchError(pointer="/language", detail="not a BCP 47 language tag such as pt-BR")
    if (zone := _text(patch.timezone)) is not None and values.timezone(zone) is None:
        yield PatchError(pointer="/timezone", detail="not an IANA time zone such as Europe/Berlin")
    yield from _currency("/currency", patch.currency)
    for index, tax_id in enumerate(_items(patch.tax_ids)):
        yield from _country(f"/tax_ids/{index}/country_code", tax_id.country_code)
    for index, consent in enumerate(_items(patch.consents)):
        yield from _instant(f"/consents/{index}/collected_at", consent.collected_at)
    yield from _each_once("/consents", "channel", [consent.channel for consent in _items(patch.consents)])
    yield from _each_once("/custom_fields", "key", [field.key for field in _items(patch.custom_fields)])


def _order(patch: OrderPatch) -> PatchErrors:
    yield from _currency("/currency", patch.currency)
    yield from _currency("/presentment_currency", patch.presentment_currency)
    yield from _references(patch)
    for part in ("billing_address", "shipping_address"):
        address = getattr(patch, part)
        if isinstance(address, AddressPatch):
            yield from _address(f"/{part}", address)
    digits = _digits(patch)
    for index, line in enumerate(_items(patch.line_items)):
        yield from _line(f"/line_items/{index}", line, digits)
    if is_too_large(patch):
        place, what = ("/line_items", "lines add") if is_too_large(patch, lines_alone=True) else ("", "amounts add")
        detail = f"the {what} up to more than {values.MAX_WHOLE_DIGITS} digits before the point"
        yield PatchError(pointer=place, detail=detail)
    for index, discount in enumerate(_items(patch.discounts)):
        yield from _money(f"/discounts/{index}/amount", discount.amount, digits)
    for index, shipping in enumerate(_items(patch.shipping_lines)):
        yield from _money(f"/shipping_lines/{index}/price", shipping.price, digits)
        yield from _money(f"/shipping_lines/{index}/tax", shipping.tax, digits)
    for index, fee in enumerate(_items(patch.fees)):
        yield from _money(f"/fees/{index}/amount", fee.amount.removeprefix("-"), digits)
        yield from _tax(f"/fees/{index}/tax", fee.tax, fee.amount, digits)
    yield from _instant("/placed_at", patch.placed_at)
    yield from _each_once("/custom_fields", "key", [field.key for field in _items(patch.custom_fields)])


def _ticket(patch: TicketPatch) -> PatchErrors:
    yield from _references(patch)
    yield from _instant("/due_at", patch.due_at)
    yield from _each_once("/custom_fields", "key", [field.key for field in _items(patch.custom_fields)])


def _comment(patch: CommentPatch) -> PatchErrors:
    bodies = [name for name in ("body_text", "body_html") if isinstance(getattr(patch, name), str)]
    if not bodies:
        yield PatchError(pointer="/body_text", detail="send body_text or body_html")
    for name in bodies:
        if not getattr(patch, name).strip():
            yield PatchError(pointer=f"/{name}", detail="is empty")
    if patch.visibility == "unknown":
        yield PatchError(pointer="/visibility", detail="one of: public, private")


_CHECKS: dict[type[Struct], Callable[[Any], PatchErrors]] = {
    CustomerPatch: _customer,
    OrderPatch: _order,
    TicketPatch: _ticket,
    CommentPatch: _comment,
}


def _references(patch: Struct) -> PatchErrors:
    for pointer, one in references_of(patch):
        if not isinstance(one, ReferencePatch):
            continue
        yield from _email(f"{pointer}/email", one.email)
        field = pointer.split("/")[1]
        keys = KEYS.get(field, ("id", "remote_id", "email", "name"))
        if all(getattr(one, key) is None for key in keys):
            yield PatchError(pointer=pointer, detail=f"needs {', '.join(keys[:-1])} or {keys[-1]}")


def _items(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else ()


def _text(value: str | UnsetType | None) -> str | None:
    return value if isinstance(value, str) else None


def _emails(pointer: str, emails: tuple[EmailPatch, ...]) -> PatchErrors:
    earlier: set[str] = set()
    for index, email in enumerate(emails):
        yield from _email(f"{pointer}/{index}/address", email.address)
        folded = values.email_key(email.address)
        if folded in earlier:
            yield PatchError(pointer=f"{pointer}/{index}/address", detail="appears twice")
        earlier.add(folded)
    yield from _one_default(pointer, [email.is_primary is True for email in emails], "is_primary")


def _email(pointer: str, address: str | None) -> PatchErrors:
    if address is not None and not values.is_email(address.strip()):
        yield PatchError(pointer=pointer, detail="not an e-mail address")


def _phones(pointer: str, phones: tuple[PhonePatch, ...]) -> PatchErrors:
    for index, phone in enumerate(phones):
        if phone.e164 is None and not (phone.raw or "").strip():
            yield PatchError(pointer=f"{pointer}/{index}", detail="needs e164 or raw")
        elif phone.e164 is not None and values.phone(phone.e164) != phone.e164:
            yield PatchError(
                pointer=f"{pointer}/{index}/e164", detail="not an E.164 number: begin with + and the country code"
            )
    yield from _one_default(pointer, [phone.is_primary is True for phone in phones], "is_primary")


def _one_default(pointer: str, marks: list[bool], name: str) -> PatchErrors:
    if sum(marks) > 1:
        yield PatchError(pointer=pointer, detail=f"only one may have {name} true")


def _address(pointer: str, address: AddressPatch) -> PatchErrors:
    yield from _country(f"{pointer}/country_code", address.country_code)


def _country(pointer: str, code: str | None) -> PatchErrors:
    if code is not None and (len(code) != 2 or values.country(code) != code):
        yield PatchError(pointer=pointer, detail="not an ISO 3166-1 alpha-2 country code such as DE")


def _currency(pointer: str, code: str | UnsetType | None) -> PatchErrors:
    if isinstance(code, str) and not values.is_currency(code):
        yield PatchError(pointer=pointer, detail="not an ISO 4217 currency code such as EUR")


def _instant(pointer: str, moment: datetime | UnsetType | None) -> PatchErrors:
    """Refuse a time at the edge of the calendar that UTC does not have."""
    if isinstance(moment, datetime):
        try:
            moment.astimezone(UTC)
        except OverflowError:
            yield PatchError(pointer=pointer, detail="must be within the years 1 to 9999 in UTC")


def _digits(patch: OrderPatch) -> int | None:
    return values.currency_digits(patch.currency) if isinstance(patch.currency, str) else None


def _line(pointer: str, line: LineItemPatch, digits: int | None) -> PatchErrors:
    if line.name is None and line.variant_id is None:
        yield PatchError(pointer=pointer, detail="needs a product.variant_remote_id, or a name and a unit_price")
    elif line.variant_id is None and line.unit_price is None:
        yield PatchError(pointer=f"{pointer}/unit_price", detail="is required for a line without a variant")
    if Decimal(line.quantity) < 0:
        yield PatchError(pointer=f"{pointer}/quantity", detail="must not be negative")
    yield from _tax(f"{pointer}/tax", line.tax, line.unit_price, digits)
    yield from _each_once(f"{pointer}/custom_fields", "key", [field.key for field in line.custom_fields])


def _tax(pointer: str, tax: str | None, price: str | None, digits: int | None) -> PatchErrors:
    """Check the tax on a line or a fee. A reduction of a taxed price reduces the tax too."""
    is_reduction = price is not None and price.startswith("-")
    return _money(pointer, tax.removeprefix("-") if is_reduction and tax is not None else tax, digits)


def _money(pointer: str, amount: str | None, digits: int | None) -> PatchErrors:
    if amount is None:
        return
    if amount.startswith("-"):
        yield PatchError(pointer=pointer, detail="must not be negative")
    if digits is not None and len(amount.partition(".")[2]) > digits:
        yield PatchError(pointer=pointer, detail=f"the currency has {digits} decimals")


def _each_once(pointer: str, name: str, sent: list[str]) -> PatchErrors:
    earlier: set[str] = set()
    for index, value in enumerate(sent):
        if value in earlier:
            yield PatchError(pointer=f"{pointer}/{index}/{name}", detail="appears twice")
        earlier.add(value)
