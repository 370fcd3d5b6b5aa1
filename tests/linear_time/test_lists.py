"""Lists of records and bodies are compared, merged, copied and refused in time that grows with their length."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from msgspec import Struct

from app.writes.accept_loss import still_refused
from app.writes.draft import at_sent_pointers
from canonical.classes import is_essential
from canonical.copy_base import Digests
from canonical.customer import Customer, CustomerPatch
from canonical.field_kinds import kinds_of
from canonical.order import Order, Totals
from canonical.order_body import completed
from canonical.order_patch import OrderPatch
from canonical.parts import CustomFieldPatch, CustomFieldSetting
from canonical.portable import kept_back, merged, sent_places
from canonical.renewed_base import Copied, renewed
from canonical.same_value import same
from canonical.three_way import Rules, merge
from canonical.ticket import FollowerPatch, Ticket, TicketPatch
from mappings.checks.golden import records
from mappings.endpoints import FieldRefusal
from mappings.kit import custom_fields
from mappings.kit.custom_fields import ChosenField
from mappings.kit.people import one_slot
from mappings.registry import VENDORS, AnyMapping
from mappings.rt.people import followers_written
from mappings.spec import Draft, Notes
from tests.linear_time.growth import quadrupled

MANY: Final = 96
MOST: Final = 8
"""Times as long for four times the items."""
ITEMS: Final[dict[str, Callable[[int], Any]]] = {
    "emails": lambda at: {"address": f"ann{at}@example.com", "type": ("work", "other")[at % 2]},
    "phones": lambda at: {"raw": f"x{at}", "type": ("work", "home", "other")[at % 3]},
    "addresses": lambda at: {"line1": f"{at} Quay", "type": ("billing", "shipping", "home")[at % 3]},
    "tags": lambda at: f"tag {at}",
    "tax_ids": lambda at: {"type": "eu_vat", "value": f"DE{at}"},
    "custom_fields": lambda at: {"key": f"key{at}", "value": at},
    "followers": lambda at: {"email": f"ann{at}@example.com"},
    "orders": lambda at: {"remote_id": str(at)},
}
"""The lists that are compared by item, with one of many items."""
AMOUNTS: Final[dict[str, Callable[[int], Any]]] = {
    "line_items": lambda at: {
        "name": f"Mug {at}",
        "sku": f"M-{at}",
        "quantity": "2",
        "unit_price": "9.95",
        "tax": "1.00",
    },
    "discounts": lambda at: {"code": f"CODE{at}", "amount": "1.00"},
    "shipping_lines": lambda at: {"title": f"Post {at}", "price": "4.00", "tax": "0.10"},
    "fees": lambda at: {"name": f"Wrapping {at}", "amount": "3.00", "tax": "0.20"},
}
ALIKE: Final[dict[str, Callable[[int], Any]]] = {
    "the same tag": lambda at: "tag",
    "one address by name": lambda at: {"line1": "1 Quay", "name": f"Ann {at}"},
    "one address of two types": lambda at: {"line1": "1 Quay", "type": ("billing", "shipping")[at.bit_count() % 2]},
}
FIELDS: Final = {"the same tag": "tags", "one address by name": "addresses", "one address of two types": "addresses"}
DIGESTS: Final = Digests(lambda text: hashlib.sha256(text.encode()).hexdigest(), kinds_of("customer"))
SLOTS: Final = {
    f"{name} of {vendor.name}": (name, {name: slots})
    for vendor in VENDORS.values()
    for mapping in vendor.mappings
    for name, slots in mapping.slots.items()
    if slots is not one_slot or (name, vendor.name) == ("phones", "shopify")
}
WRITTEN: Final = [
    mapping
    for vendor in VENDORS.values()
    for mapping in vendor.mappings
    if mapping.endpoints.create is not None and mapping.object != "comment"
]
TOTALS: Final = Totals(**dict.fromkeys(Totals.__struct_fields__, "1.00"))


class Sides(Struct, frozen=True, kw_only=True):
    """A list as a record has it, and as it is sent: in another order, and with other items."""

    present: Any
    turned: Any
    other: Any


def sides_of(name: str, item: Callable[[int], Any], count: int) -> Sides:
    model, patch = (Ticket, TicketPatch) if name in ("followers", "orders") else (Customer, CustomerPatch)
    present, other = [item(at) for at in range(count)], [item(count + at) for at in range(count // 2)]
    return Sides(
        present=msgspec.convert({name: present}, model),
        turned=msgspec.convert({name: present[::-1]}, patch),
        other=msgspec.convert({name: other}, patch),
    )


@pytest.mark.parametrize("case", [*ITEMS, *ALIKE])
def test_a_long_list_is_compared_with_another_one(case: str) -> None:
    name = FIELDS.get(case, case)
    field = kinds_of("ticket" if name in ("followers", "orders") else "customer")[name]

    def compare(sides: Sides) -> None:
        same(getattr(sides.present, name), getattr(sides.turned, name), field)

    item = (ITEMS | ALIKE)[case]
    assert quadrupled(compare, lambda size: sides_of(name, item, size), MANY) <= MOST


@pytest.mark.parametrize("name", [one for one in ITEMS if one in Customer.__struct_fields__])
def test_a_long_list_is_merged(name: str) -> None:
    def add(sides: Sides) -> None:
        for patch in (sides.turned, sides.other):
            (merged(patch, sides.present), [*kept_back(patch, sides.present)], sent_places(patch, sides.present))

    assert quadrupled(add, lambda size: sides_of(name, ITEMS[name], size), MANY) <= MOST


@pytest.mark.parametrize("case", [*(one for one in ITEMS if one in Customer.__struct_fields__), *SLOTS])
def test_a_long_list_is_copied(case: str) -> None:
    name, slots = SLOTS.get(case, (case, {}))

    def copy(sides: Sides) -> None:
        for sent, after in ((sides.turned, sides.present), (sides.other, sides.present)):
            one = Copied(names=(name,), sent=sent, after=after, before={}, written=sent, composed=(), missing=())
            base, _ = renewed({}, {}, one, DIGESTS)
            for patch in (sides.turned, sides.other):
                merge(patch, (name,), sides.present, base, Rules(slots=slots), DIGESTS)

    assert quadrupled(copy, lambda size: sides_of(name, ITEMS[name], size), MANY) <= MOST


def order_of(count: int) -> OrderPatch:
    """An order with as many lines, every second of a negative amount."""
    lines = [{"name": f"Mug {at}", "quantity": "1", "unit_price": ("-1.00", "9.00")[at % 2]} for at in range(count)]
    return msgspec.convert({"line_items": lines, "currency": "EUR"}, OrderPatch)


def test_refusals_of_many_lines_are_judged() -> None:
    def judge(patch: OrderPatch) -> None:
        assert isinstance(patch.line_items, tuple)
        lines = [{**msgspec.to_builtins(one), "remote_id": "1"} for one in patch.line_items]
        amounts = dict.fromkeys(("discount", "tax", "total"), "1.00")
        present = msgspec.convert(
            {"line_items": [one | amounts for one in lines], "currency": "EUR", "totals": TOTALS}, Order
        )
        at_sent_pointers(refused_at_lines(patch), completed(patch, {}, total_counts=False).folded)
        still_refused(refused_at_lines(patch).refused, patch, present)

    assert quadrupled(judge, order_of, MANY) <= MOST


def refused_at_lines(patch: OrderPatch) -> Draft[None]:
    """A draft that refuses a member of each line."""
    count = len(patch.line_items) if isinstance(patch.line_items, tuple) else 0
    pointers = [f"/line_items/{at}/taxable" for at in range(count)]
    return Draft(
        body=None, refused=tuple(FieldRefusal(kind="unsupported", pointer=one, detail="no") for one in pointers)
    )


def test_losses_of_many_emails_are_judged() -> None:
    def judge(patch: CustomerPatch) -> None:
        for at in range(len(patch.emails) if isinstance(patch.emails, tuple) else 0):
            is_essential(patch, f"/emails/{at}/address", frozenset())

    assert quadrupled(judge, lambda size: sides_of("emails", ITEMS["emails"], size).turned, 8 * MANY) <= MOST


def test_choices_and_keys_of_custom_fields_are_looked_up() -> None:
    def write(count: int) -> None:
        texts = [str(at) for at in range(count)]
        chosen = ChosenField(key="kinds", vendor_field="kinds", type="multi_enum", choices=tuple(texts))
        settings = (chosen, *(CustomFieldSetting(key=f"key{at}", vendor_field="x") for at in range(count)))
        sent = [
            CustomFieldPatch(key="kinds", value=texts[::-1]),
            *(CustomFieldPatch(key=one, value=1) for one in texts),
        ]
        list(custom_fields.named(tuple(sent), settings, Notes()))

    assert quadrupled(write, int, 8 * MANY) <= MOST


def test_people_of_a_ticket_at_request_tracker_are_looked_up() -> None:
    vendor = VENDORS["rt"]
    (mapping,) = (one for one in vendor.mappings if one.object == "ticket")
    record = msgspec.json.decode(next(record for _, record in records(vendor, mapping, Path(__file__).parents[2])))

    def ticket_of(count: int) -> Any:
        people = [{"id": str(at), "type": "user"} for at in range(count)]
        return mapping.decode(msgspec.json.encode(record | {"AdminCc": people}))

    def write(ticket: Any) -> None:
        notes, ids = Notes(), [one.id for one in ticket.admin_cc[:0:-1]]
        sent = tuple(FollowerPatch(remote_id=one, kind="follower") for one in ids)
        assert followers_written(sent, ticket, mapping.account(), notes) == ((), tuple(ids))

    assert quadrupled(write, ticket_of, 4 * MANY) <= MOST


@pytest.mark.parametrize("mapping", WRITTEN, ids=lambda one: f"{one.name}_r{one.revision}")
def test_a_body_with_long_lists_is_drafted(mapping: AnyMapping) -> None:
    def body_of(count: int) -> Any:
        lists = {name: [item(at) for at in range(count)] for name, item in (ITEMS | AMOUNTS).items()}
        known = {one: lists[one] for one in mapping.patch.__struct_fields__ if one in lists}
        return msgspec.convert(known | ({"currency": "EUR"} if mapping.object == "order" else {}), mapping.patch)

    assert quadrupled(lambda patch: mapping.to_vendor(patch, None, mapping.account()), body_of, MANY // 2) <= MOST
