"""Compare a record with the baseline of its subject. Does no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.drift.models import Baseline, DriftSubject, Trait
from app.drift.shares import Share
from app.redaction import word_of
from app.settings.drift import PRESENT, DriftKind, ShapeDriftKind, matches, trait_of
from canonical.parts import CustomField
from mappings.drift import NO_VALUE, Choice, Misfit, ShapeDiff, choices, compare_shape, misfit_of

TYPE: Final = "type "
NO_MEMBER: Final = "no member"
A_MEMBER: Final = "a member"
EMPTY: Final = "null or absent"
A_KNOWN_CHOICE: Final = "a choice that the mapping knows"


class Sample(Struct, frozen=True, kw_only=True):
    """One record to check: its bytes, its wire type, and either the `resource` or the `failure` (path and reason).

    `listed` says that it comes from a list. `correlation_id` and `traceparent` name the run that read it; they are
    stored with its findings.
    """

    subject: DriftSubject
    record: bytes
    read_by: Any
    resource: Struct | None = None
    failure: tuple[str, str] | None = None
    listed: bool = False
    correlation_id: str | None = None
    traceparent: str | None = None


class Inspected(Struct, frozen=True, kw_only=True):
    """The members, misfits and enum choices of one record, and which read members have a value. Those of configured
    custom fields are at their canonical path."""

    diff: ShapeDiff
    choices: tuple[Choice, ...]
    has_value: Mapping[str, bool]


class Deviation(Struct, frozen=True, kw_only=True):
    """A difference from the baseline, in `count` records. `value` is raw vendor data: mask it before it is stored or
    logged."""

    path: str
    kind: DriftKind
    expected: str
    found: str
    value: Any
    count: int = 1


def inspect(sample: Sample) -> Inspected:
    """Inspect one record.

    A misfit with the wire type counts only where it made the reading fail, and in webhooks, which are read less
    strictly.
    """
    try:
        record = msgspec.json.decode(sample.record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        record = None
    inspected = ShapeDiff(members=(), misfits=()) if record is None else compare_shape(record, sample.read_by)
    misfits = {misfit.path: misfit for misfit in inspected.misfits}
    if sample.failure is not None:
        cause = misfit_of(*sample.failure, record)
        if not any(matches(cause.path, path) for path in misfits):
            misfits[cause.path] = cause
    elif sample.subject.source == "record":
        misfits = {}
    return Inspected(
        diff=ShapeDiff(members=inspected.members, misfits=tuple(misfits.values())),
        choices=() if sample.resource is None else choices(sample.resource),
        has_value={**inspected.has_value, **_custom_fields(sample.resource)},
    )


def _custom_fields(resource: Struct | None) -> Mapping[str, bool]:
    fields: Iterable[CustomField] = getattr(resource, "custom_fields", ())
    return {f"$.custom_fields.{field.key}": field.value not in NO_VALUE for field in fields}


def traits_of(sample: Sample, inspected: Inspected) -> set[Trait]:
    """Return the traits that a record adds to a baseline. Misfits are learned from webhooks only."""
    traits = {(member.path, PRESENT) for member in inspected.diff.members}
    traits |= {(member.path, TYPE + member.type) for member in inspected.diff.members if member.type != "null"}
    traits |= {(choice.path, trait_of("new_enum_value", word_of(choice.value))) for choice in inspected.choices}
    if sample.subject.source == "webhook":
        traits |= {(misfit.path, trait_of(misfit.kind, misfit.found)) for misfit in inspected.diff.misfits}
    return traits


def deviations(sample: Sample, inspected: Inspected, baseline: Baseline) -> tuple[Sequence[Deviation], Sequence[Trait]]:
    """Return the deviations from the baseline, and the traits to add to it: types of members that were always null."""
    news: list[Deviation] = []
    late: list[Trait] = []
    for member in inspected.diff.members:
        known = baseline.known.get(member.path, frozenset())
        types = sorted(trait.removeprefix(TYPE) for trait in known if trait.startswith(TYPE))
        if PRESENT not in known:
            news.append(_deviation(member.path, "unknown_field", NO_MEMBER, A_MEMBER, member.value))
        elif member.type != "null" and not types:
            late.append((member.path, TYPE + member.type))
        elif member.type != "null" and member.type not in types:
            news.append(_deviation(member.path, "changed_type", " or ".join(types), member.type, member.value))
    for choice in inspected.choices:
        word = word_of(choice.value)
        if not _knows(baseline, choice.path, "new_enum_value", word):
            news.append(_deviation(choice.path, "new_enum_value", A_KNOWN_CHOICE, word, choice.value))
    news.extend(_misfit_deviations(sample, inspected.diff.misfits, baseline))
    return news, late


def emptier(share: Share) -> Deviation:
    """Return the deviation of a share whose complete window deviates."""
    return Deviation(
        path=share.path,
        kind="empty_more_often",
        expected=f"a value in {share.learned:.1%} of records",
        found=EMPTY,
        value=None,
        count=share.records - share.filled,
    )


def _misfit_deviations(sample: Sample, misfits: Iterable[Misfit], baseline: Baseline) -> Iterable[Deviation]:
    for misfit in misfits:
        learned = sample.subject.source == "webhook" and _knows(baseline, misfit.path, misfit.kind, misfit.found)
        if not learned:
            yield _deviation(misfit.path, misfit.kind, misfit.expected, misfit.found, misfit.value)


def _knows(baseline: Baseline, path: str, kind: ShapeDriftKind, value: str) -> bool:
    return trait_of(kind, value) in baseline.known.get(path, frozenset())


def _deviation(path: str, kind: DriftKind, expected: str, actual: str, value: Any) -> Deviation:
    return Deviation(path=path, kind=kind, expected=expected, found=actual, value=value)
