"""Is what a record says news? Held against the baseline of its subject, without any I/O."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.drift.models import Baseline, DriftSubject, Trait
from app.redaction import word_of
from app.settings.drift import PRESENT, DriftKind, trait_of
from mappings.drift import Choice, Look, Misfit, choices, look, misfit_of

TYPE: Final = "type "
NO_MEMBER: Final = "no such member"
A_MEMBER: Final = "a member"
A_KNOWN_CHOICE: Final = "a choice that the mapping knows"


class Sample(Struct, frozen=True, kw_only=True):
    """One record to look at: its bytes, the wire type that reads it, and what became of it: a `resource`, or a
    `failure` (path and reason). The run that it was met in is told with what it shows."""

    subject: DriftSubject
    record: bytes
    read_by: Any
    resource: Struct | None = None
    failure: tuple[str, str] | None = None
    correlation_id: str | None = None
    traceparent: str | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """What one record says beside what its wire type reads."""

    look: Look
    choices: tuple[Choice, ...]


class Deviation(Struct, frozen=True, kw_only=True):
    """Something that is in no baseline. `value` is the vendor's own, and goes no further than to be masked."""

    path: str
    kind: DriftKind
    expected: str
    found: str
    value: Any


def see(sample: Sample) -> Seen:
    """Look at one record. What a wire type does not take is drift only where it was in the way: where the reading
    failed, and in webhooks, which are not read so strictly."""
    try:
        record = msgspec.json.decode(sample.record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        record = None
    seen = Look(members=(), misfits=()) if record is None else look(record, sample.read_by)
    misfits = {misfit.path: misfit for misfit in seen.misfits}
    if sample.failure is not None:
        said = misfit_of(*sample.failure, record)
        misfits.setdefault(said.path, said)
    elif sample.subject.source == "record":
        misfits = {}
    return Seen(
        look=Look(members=seen.members, misfits=tuple(misfits.values())),
        choices=() if sample.resource is None else choices(sample.resource),
    )


def traits_of(sample: Sample, seen: Seen) -> set[Trait]:
    """What a record adds to a baseline. That a record could not be read is never learned; that a webhook lacks
    something is."""
    traits = {(member.path, PRESENT) for member in seen.look.members}
    traits |= {(member.path, TYPE + member.type) for member in seen.look.members if member.type != "null"}
    traits |= {(choice.path, trait_of("new_enum_value", word_of(choice.value))) for choice in seen.choices}
    if sample.subject.source == "webhook":
        traits |= {(misfit.path, trait_of(misfit.kind, misfit.found)) for misfit in seen.look.misfits}
    return traits


def deviations(sample: Sample, seen: Seen, baseline: Baseline) -> tuple[Sequence[Deviation], Sequence[Trait]]:
    """What is news, and what is none and belongs into the baseline: the type of a member that was null so far."""
    news: list[Deviation] = []
    late: list[Trait] = []
    for member in seen.look.members:
        known = baseline.known.get(member.path, frozenset())
        types = sorted(trait.removeprefix(TYPE) for trait in known if trait.startswith(TYPE))
        if PRESENT not in known:
            news.append(_novelty(member.path, "unknown_field", NO_MEMBER, A_MEMBER, member.value))
        elif member.type != "null" and not types:
            late.append((member.path, TYPE + member.type))
        elif member.type != "null" and member.type not in types:
            news.append(_novelty(member.path, "changed_type", " or ".join(types), member.type, member.value))
    for choice in seen.choices:
        word = word_of(choice.value)
        if not _knows(baseline, choice.path, "new_enum_value", word):
            news.append(_novelty(choice.path, "new_enum_value", A_KNOWN_CHOICE, word, choice.value))
    news.extend(_of_misfits(sample, seen.look.misfits, baseline))
    return news, late


def _of_misfits(sample: Sample, misfits: Iterable[Misfit], baseline: Baseline) -> Iterable[Deviation]:
    for misfit in misfits:
        learned = sample.subject.source == "webhook" and _knows(baseline, misfit.path, misfit.kind, misfit.found)
        if not learned:
            yield _novelty(misfit.path, misfit.kind, misfit.expected, misfit.found, misfit.value)


def _knows(baseline: Baseline, path: str, kind: DriftKind, found: str) -> bool:
    return trait_of(kind, found) in baseline.known.get(path, frozenset())


def _novelty(path: str, kind: DriftKind, expected: str, found: str, value: Any) -> Deviation:
    return Deviation(path=path, kind=kind, expected=expected, found=found, value=value)
