"""Find the records in a reply of Medusa, or a single record."""

from typing import Final

from canonical.parts import ObjectName
from mappings.kit.unwrap import PayloadObject, Unwrap

PREFIXES: Final[dict[ObjectName, str]] = {"customer": "cus_", "order": "order_"}


def check(one: PayloadObject, object: ObjectName) -> None:
    """Raise Unmappable for the reply to a deletion, and for a record of another object or without its
    sums."""
    members, prefix = one.members, PREFIXES[object]
    if "id" not in members:
        raise one.refused(f"not a {object}: it has no id", "id")
    if "deleted" in members:
        raise one.refused("the reply to a deletion, not a record", "deleted")
    if not bytes(members["id"]).startswith(b'"' + prefix.encode()):
        raise one.refused(f"not a {object}: its id would begin with {prefix}", "id")
    if "object" in members:
        raise one.refused(f"not a {object} of Medusa, whose records have no such member", "object")
    if object == "customer" and "email" not in members:
        raise one.refused("only the id or a part of a customer: request all of it with `fields`", "email")
    for name in ("currency_code", "item_subtotal") if object == "order" else ():
        if name not in members:
            raise one.refused("an order without its sums: request them with `fields`", name)


unwrap: Final = Unwrap(
    title="Medusa",
    envelopes={
        "customer": ("customer", "customers"),
        "order": ("order", "orders", "draft_order", "draft_orders"),
    },
    check=check,
    refusals=(("message",),),
    array="not a reply of Medusa, which is a JSON object",
)
