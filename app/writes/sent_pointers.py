"""Name what a mapping says about a completed order body by the pointers of the body that was sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from canonical.parts import Loss
from mappings.spec import Draft


def at_sent_pointers(draft: Draft[Any], lost: Sequence[Loss]) -> Draft[Any]:
    """Return the draft with the pointers of the sent body. `lost` holds what was folded before the mapping ran
    (`canonical.order_body`): amounts that became items of a list, and negative items that left theirs."""
    folded = [one for one in lost if one.kind == "folded"]
    paths = {one.place: one.path for one in folded if isinstance(one.place, str)}
    gone = sorted(one.path for one in folded if not one.path.startswith("/totals/"))
    loss = [one if one in folded else replace(one, path=_sent(one.path, paths, gone)) for one in draft.loss]
    further = {one.path for one in loss if one.kind == "folded" and one not in folded}
    return replace(
        draft,
        loss=tuple(one for one in loss if one not in folded or one.path not in further),
        refused=tuple(replace(one, pointer=_sent(one.pointer, paths, gone)) for one in draft.refused),
    )


def _sent(pointer: str, paths: Mapping[str, str], gone: Sequence[str]) -> str:
    name, *inner = pointer.removeprefix("/").split("/")
    if not inner or not inner[0].isdecimal():
        return pointer
    item = f"/{name}/{inner[0]}"
    if item in paths:  # a member of what stands for an amount in `totals` has no pointer of its own
        return paths[item] if paths[item].startswith("/totals/") else "/".join([paths[item], *inner[1:]])
    place = int(inner[0])
    for index in sorted(int(path.rpartition("/")[2]) for path in gone if path.rpartition("/")[0] == f"/{name}"):
        place += index <= place
    return "/".join(["", name, str(place), *inner[1:]])
