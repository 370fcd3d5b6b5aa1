"""Drift: how closely records are checked, and the rules of each connection. The first matching rule applies."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

ShapeDriftKind = Literal["unknown_field", "changed_type", "new_enum_value", "missing_field"]
"""Kinds that one record shows."""
DriftKind = Literal[ShapeDriftKind, "empty_more_often"]
DriftPolicy = Literal["evolve", "freeze", "discard", "reject"]

PATH: Final = r"^\$(\.\.\*|\.\*|\[\*\]|\.[A-Za-z_$@][A-Za-z0-9_$:-]*)*$"
"""`$`, then steps: `.name` for a member, `.*` for any one member, `[*]` for the items of an array, and `..*` for
everything below."""
DEFAULT: Final[DriftPolicy] = "evolve"
PRESENT: Final = ""
"""The trait of a path that is present."""
_STEPS: Final = re.compile(r"\.\.\*|\.\*|[^.*]+|\.|\*")
_WILD: Final = {"..*": r"[.\[].+", ".*": r"\.[^.\[\]]+"}


class DriftSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How closely records are checked for drift.

    `sample_rate` is the share of records to check. Fewer are checked above 4 KiB; records that could not be read are
    always checked, even at 0. The baseline of a mapping revision on a connection is learned from its first
    `learn_records`, or until `learn_hours` after the first one, whichever ends sooner. How often members are empty is
    learned from sampled records afterwards.
    """

    sample_rate: Annotated[float, Meta(ge=0, le=1)] = 0.05
    learn_records: Annotated[int, Meta(ge=1, le=100_000)] = 100
    learn_hours: Annotated[int, Meta(ge=1, le=8760)] = 24


class DriftRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The policy for drift at the paths that match `path`, in these `objects` (empty: in all).

    `evolve` records a finding. `freeze` also raises an alarm until the finding is acknowledged. `reject` records a
    finding and refuses records with it until it is acknowledged, except for `empty_more_often`, which no single record
    shows. `discard` records nothing.
    """

    path: Annotated[str, Meta(pattern=PATH)]
    policy: DriftPolicy
    objects: tuple[Literal["customers", "orders", "tickets", "comments"], ...] = ()


def policy_of(rules: Sequence[DriftRule], object_name: str, path: str) -> DriftPolicy:
    """Return the policy for drift at this path of an object (`customer`)."""
    for rule in rules:
        if (not rule.objects or f"{object_name}s" in rule.objects) and matches(rule.path, path):
            return rule.policy
    return DEFAULT


def matches(pattern: str, path: str) -> bool:
    """Return whether a path is one of those that a path with wild steps means."""
    return _pattern(pattern).fullmatch(path) is not None


def trait_of(kind: ShapeDriftKind, actual: str) -> str:
    """Return the trait that a baseline stores for acknowledged drift of this kind."""
    match kind:
        case "unknown_field":
            return PRESENT
        case "changed_type":
            return f"type {actual}"
        case "new_enum_value":
            return f"choice {actual}"
        case "missing_field":
            return "missing"


@lru_cache(maxsize=1024)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("".join(_WILD.get(step) or re.escape(step) for step in _STEPS.findall(path)))
