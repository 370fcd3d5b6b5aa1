"""Classes of fields: a write that would lose an essential one is refused, one that loses a descriptive one is not. The
list is in the canonical model, "Classes"."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from canonical.customer import CustomerPatch
from canonical.order_patch import OrderPatch
from canonical.ticket import CommentPatch, TicketPatch
from canonical.totals import sum_of

Trait = Literal["markets", "taxes", "fulfils", "collects", "live"]
"""What a vendor does with a record, which makes the loss of a field matter: it sends marketing, computes taxes, ships
goods, takes money. `live`: the account is in production, where a test would count as real."""
LossPolicy = Literal["none", "descriptive", "any"]
"""The `?loss=` of a write: the loss that the caller accepts."""

Traits = frozenset[Trait]
_Rule = Callable[[Any, list[str], Traits], bool]

NAMES: Final = frozenset({"display_name", "first_name", "last_name"})
LINE: Final = frozenset({"name", "quantity", "unit_price"})
"""The members of a line that identify the goods. All others describe them."""
NAMING: Final = frozenset({"name", "phone", "sku"})
"""The members of a reference that are descriptive if it has another key."""
_ORDINARY: Final = frozenset({"open", "completed", "archived", "unknown"})
_NO_MONEY: Final = frozenset({"unpaid", "pending", "failed", "expired", "voided", "unknown"})
"""Statuses without any movement of money. `authorized` is not among them: losing it loses a claim on money."""
ESSENTIAL: Final[Mapping[type[Struct], frozenset[str]]] = {
    CustomerPatch: NAMES | {"emails", "phones", "company_name", "status", "consents", "tax_exemption", "external_id"},
    OrderPatch: frozenset(
        {"currency", "customer", "line_items", "tax_inclusive", "is_test", "status", "fulfillment_status"}
        | {"shipping_address", "payment_status", "external_id"}
    ),
    TicketPatch: frozenset({"subject", "description", "description_html", "requester", "status", "external_id"}),
    CommentPatch: frozenset({"body_text", "body_html", "visibility"}),
}
"""The fields that are essential, some of them only with some values or at some vendors."""


def is_essential(patch: Struct, pointer: str, traits: Traits, upsert_on: str | None = None) -> bool:
    """Return whether losing this value would harm the business, if the vendor cannot store it."""
    name, *inner = pointer.removeprefix("/").split("/")
    if name == "external_id":
        return upsert_on == "external_id"
    rule = _RULES.get((type(patch), name))
    return rule is not None and rule(patch, inner, traits)


def _always(patch: Any, inner: list[str], traits: Traits) -> bool:
    return True


def _primary(items: Any) -> int:
    """Return the index of the item marked as primary, or of the first item."""
    return next((index for index, one in enumerate(items) if one.is_primary is True), 0)


def _email(patch: CustomerPatch, inner: list[str], traits: Traits) -> bool:
    if inner[1:] == ["status"]:
        return "markets" in traits and isinstance(patch.emails, tuple) and _item(patch.emails, inner) == "unsubscribed"
    return _is_primary(patch.emails, inner) and inner[1:] in ([], ["address"])


def _item(emails: tuple[Any, ...], inner: list[str]) -> object:
    return emails[int(inner[0])].status if inner[0].isdigit() and int(inner[0]) < len(emails) else None


def _phone(patch: CustomerPatch, inner: list[str], traits: Traits) -> bool:
    return not patch.emails and _is_primary(patch.phones, inner) and inner[1:] in ([], ["e164"], ["raw"])


def _is_primary(items: Any, inner: list[str]) -> bool:
    if not isinstance(items, tuple) or not items:
        return False
    if not inner or not inner[0].isdigit():
        return not inner
    place = int(inner[0])
    is_marked = place < len(items) and items[place].is_primary is True
    return (is_marked or not place) and place == _primary(items)  # hardly any item needs a look at the others


def _consent(patch: CustomerPatch, inner: list[str], traits: Traits) -> bool:
    if "markets" not in traits or not isinstance(patch.consents, tuple) or inner[1:] == ["collected_at"]:
        return False  # without its time, a refusal is a refusal still
    named = [patch.consents[int(inner[0])]] if inner and inner[0].isdigit() else patch.consents
    return any(one.state == "opted_out" for one in named)


def _person(patch: Any, inner: list[str], traits: Traits) -> bool:
    person = patch.customer if isinstance(patch, OrderPatch) else patch.requester
    is_known = any(getattr(person, key, None) for key in ("id", "remote_id", "email"))
    return not (is_known and inner and inner[0] in NAMING)


def _line(patch: OrderPatch, inner: list[str], traits: Traits) -> bool:
    return len(inner) < 2 or inner[1] in LINE


def _is_free(patch: OrderPatch) -> bool:
    """Return whether no money has moved for an order, because its parts add up to nothing."""
    sums = sum_of(patch) if patch.line_items else None
    return sums is not None and not sums.total


_RULES: Final[Mapping[tuple[type[Struct], str], _Rule]] = {
    **{(CustomerPatch, name): _always for name in NAMES},
    (CustomerPatch, "emails"): _email,
    (CustomerPatch, "phones"): _phone,
    (CustomerPatch, "company_name"): lambda patch, inner, traits: patch.kind == "organization",
    (CustomerPatch, "status"): lambda patch, inner, traits: patch.status in ("blocked", "erasure_requested"),
    (CustomerPatch, "consents"): _consent,
    (CustomerPatch, "tax_exemption"): (
        lambda patch, inner, traits: "taxes" in traits and patch.tax_exemption in ("exempt", "reverse_charge")
    ),
    (OrderPatch, "currency"): _always,
    (OrderPatch, "customer"): _person,
    (OrderPatch, "line_items"): _line,
    (OrderPatch, "tax_inclusive"): _always,
    (OrderPatch, "is_test"): lambda patch, inner, traits: "live" in traits and patch.is_test is True,
    (OrderPatch, "status"): lambda patch, inner, traits: patch.status not in _ORDINARY,
    (OrderPatch, "fulfillment_status"): (
        lambda patch, inner, traits: "fulfils" in traits and patch.fulfillment_status not in ("unfulfilled", "unknown")
    ),
    (OrderPatch, "shipping_address"): lambda patch, inner, traits: "fulfils" in traits,
    (OrderPatch, "payment_status"): (
        lambda patch, inner, traits: (
            "collects" in traits and patch.payment_status not in _NO_MONEY and not _is_free(patch)
        )
    ),
    (TicketPatch, "subject"): _always,
    (TicketPatch, "description"): _always,
    (TicketPatch, "description_html"): _always,
    (TicketPatch, "requester"): _person,
    (TicketPatch, "status"): lambda patch, inner, traits: patch.status in ("spam", "deleted"),
    **{(CommentPatch, name): _always for name in ("body_text", "body_html", "visibility")},
}
