"""Judge whether an order would hold another sum at its target than its body adds up to."""

from decimal import Decimal
from typing import Any

from app.errors import UnsupportedField
from app.links.models import TotalDifference
from app.problem_document import FieldError
from app.writes.present_record import PresentRecord
from app.writes.resolved_write import ResolvedWrite
from canonical.order import Order
from canonical.parts import Loss
from canonical.totals import BodySum, sum_of
from mappings.spec import Draft

TOTAL = "/totals/total"
SUMS = frozenset({"discounts", "shipping_lines", "fees"})
"""The lists, other than the lines, whose items are parts of the sum."""
KEEP_IT = "Change the order at {}, or accept that its sum stays with ?loss=any"


def accept_total(resolved: ResolvedWrite, draft: Draft[Any], account: Any) -> tuple[Loss, ...]:
    """Return the loss of a new order whose sum would differ. Raises UnsupportedField where the caller does not accept
    one (`?loss=any`)."""
    intent, title = resolved.intent, resolved.connection.vendor.title
    wanted = sum_of(resolved.patch)
    if wanted is None:
        return ()
    total_of = resolved.mapping.total_of
    assert total_of is not None  # noqa: S101 - every mapping that creates orders has one
    becomes = total_of(draft.body, account)
    is_kept = becomes is None or wanted.is_about(becomes)
    held = wanted.total if becomes is None else becomes
    if intent.total is not None and not wanted.is_about(Decimal(intent.total)):
        wrong = "The body contradicts itself"
        detail = (
            f"totals.total is {intent.total}, and the parts add up to {wanted.total:f}, at {title} to {held:f}:"
            f" send the prices, discounts, shipping, fees and taxes that make up the total, or no totals"
        )
    elif not is_kept:
        wrong = f"{title} would get another sum"
        detail = f"the body adds up to {wanted.total:f}, at {title} it would be {held:f}. {_way_out(draft, title)}"
    else:
        return ()
    if intent.loss != "any":
        raise UnsupportedField(f"{wrong}: {detail}", errors=(FieldError(pointer=TOTAL, detail=detail),))
    return (Loss(path=TOTAL, kind="coerced", detail=detail),)


async def accept_change(resolved: ResolvedWrite, draft: Draft[Any], present: PresentRecord) -> None:
    """Raise UnsupportedField for the change of an order whose vendor cannot change a part of its sum, unless the order
    has the sum of the body, or the caller accepts another one (`?loss=any`)."""
    kept = [one for one in draft.refused if one.kind == "unsupported" and _is_part(one.pointer)]
    if not kept or resolved.intent.loss == "any":
        return
    title, held = resolved.connection.vendor.title, (await present.mapped()).data.totals.total
    wanted = sum_of(resolved.as_whole.patch)
    if wanted is not None and wanted.is_about(Decimal(held)):
        return
    named = "; ".join(f"{one.pointer} ({one.detail})" for one in kept)
    detail = f"{title} does not change {named}. {KEEP_IT.format(title)}"
    raise UnsupportedField(f"The sum would stay as it is: {detail}", errors=(FieldError(pointer=TOTAL, detail=detail),))


def other_total(resolved: ResolvedWrite, order: Order, loss: tuple[Loss, ...]) -> TotalDifference | None:
    """Return the difference between the sum that was asked for and the one that the vendor computed for a new order.
    None if there is none, or if it was announced before (`loss`), or if the vendor counts in another currency."""
    intent, wanted = resolved.intent, sum_of(resolved.patch)
    if wanted is None:
        if intent.total is None:
            return None
        wanted = BodySum(total=Decimal(intent.total), slack=Decimal(0))
    currency = resolved.patch.currency
    if any(one.path == TOTAL and one.kind == "coerced" for one in loss) or (
        isinstance(currency, str) and currency != order.currency
    ):
        return None
    held = order.totals.total
    if wanted.is_about(Decimal(held)):
        return None
    return TotalDifference(f"{wanted.total:f}", held)


def _way_out(draft: Draft[Any], title: str) -> str:
    """Return what would be lost, and what the caller can do."""
    lost = [(one.path, one.detail) for one in draft.loss if one.kind == "dropped"]
    lost += [(one.pointer, one.detail) for one in draft.refused]
    named = [f"{pointer} ({why})" for pointer, why in lost if _is_amount(pointer)]
    missing = f"{title} has no place for {'; '.join(named)}. " if named else ""
    return f"{missing}Send these amounts within the prices of the lines, or accept the other sum with ?loss=any"


def _is_amount(pointer: str) -> bool:
    return _is_part(pointer) or pointer.split("/")[3:] == ["tax"]


def _is_part(pointer: str) -> bool:
    """Return whether a pointer names an amount that is part of the sum."""
    name, *inner = pointer.removeprefix("/").split("/")
    return name in SUMS and inner[1:] in ([], ["amount"], ["price"], ["tax"])
