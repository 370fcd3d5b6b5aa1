"""Find WooCommerce records in a payload: an answer, a webhook's body, a bare record. Jetpack's tunnel puts any of them
under `data`."""

from typing import Final

from canonical.parts import ObjectName
from mappings.kit.unwrap import PayloadObject, Unwrap

MEMBERS: Final[dict[ObjectName, tuple[str, str]]] = {
    "order": ("currency", "line_items"),
    "customer": ("email", "billing"),
}
OTHERS: Final[dict[ObjectName, str]] = {
    "order": "not an order: a refund, another record, or the stub of a deletion",
    "customer": "not a customer: another record, or the stub of a deletion",
}


def check(one: PayloadObject, object: ObjectName) -> None:
    """Raise Unmappable for the stub of a deletion, a record of another object, and anything else."""
    members = one.members
    if "id" not in members:
        for legacy in ("order", "customer"):
            if legacy in members:
                raise one.refused("a record of the legacy API, which has other fields: use wc/v3", legacy)
        raise one.refused("not a WooCommerce record: it has no id", "id")
    for name in MEMBERS[object]:
        if name not in members:
            raise one.refused(OTHERS[object], name)
    if object == "order" and "billing_period" in members:
        raise one.refused("a subscription, not an order: its renewals are orders", "billing_period")


unwrap: Final = Unwrap(
    title="WooCommerce",
    envelopes={"order": ("data",), "customer": ("data",)},
    check=check,
    refusals=(("message", "code"), ("message", "error")),
)
