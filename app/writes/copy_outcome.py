"""What the answer to a copy names besides what its write loses. A dry run foresees it, as far as the draft shows it."""

from collections.abc import Collection

from msgspec.structs import replace

from app.writes.accept_loss import AMOUNTS, TOTAL, other_total
from app.writes.copy_models import CopyPlan
from app.writes.draft import map_to_vendor, says_nothing
from app.writes.resolved_write import PresentRecord, ResolvedWrite
from canonical.order import Order
from canonical.parts import Loss


def other_sum(resolved: ResolvedWrite, source: str, order: Order, loss: Collection[Loss]) -> tuple[Loss, ...]:
    """Return that a copy leaves its order with another sum than the order at its `source`, unless `loss` has it. The
    source may have computed its own sum, for an order that came from here."""
    differing = None if any(one.path == TOTAL for one in loss) else other_total(resolved, order, tuple(loss))
    if differing is None:
        return ()
    title, total = resolved.connection.vendor.title, differing.requested
    detail = f"the order adds up to {differing.computed} at {title}, to {total} at {source}"
    return (Loss(path=TOTAL, kind="ambiguous", detail=detail),)


async def foreseen(write: ResolvedWrite, plan: CopyPlan, present: PresentRecord, loss: Collection[Loss]) -> CopyPlan:
    """Return the plan of a copy with what it loses as its answer will name it: a value that stays is not replaced, and
    a sum that stays may differ from that of the source. `loss` is that of its write."""
    copied, lost = write.intent.copy_of, list[Loss]()
    for one in plan.lost:  # what is ambiguous would replace a value
        if one.kind != "ambiguous" or not await _stays(write, {one.path.removeprefix("/")}, present):
            lost.append(one)
    if copied is not None and write.intent.object == "order" and await _stays(write, AMOUNTS, present):
        order = await present.mapped()
        lost += other_sum(write, copied.connection, order.data, (*order.loss, *loss, *lost))
    return replace(plan, lost=tuple(lost))


async def _stays(write: ResolvedWrite, names: Collection[str], present: PresentRecord) -> bool:
    """Return whether the record keeps its values of these fields, because the vendor has them or takes none of them."""
    only = write.with_only(frozenset(names))
    draft = await map_to_vendor(only, present.account, present)
    return await says_nothing(only, draft.body, present)
