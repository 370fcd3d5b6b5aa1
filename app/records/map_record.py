"""Map a record with the revision of its route, and compare it with the revisions on trial.

A canary maps its share of the records. The id of a record alone decides, so that a record never alternates between two
revisions. The canary is compared with the active revision on the same bytes. If only the canary refuses a record, the
active revision answers.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from app.errors import VendorDrifted
from app.records.deps import RecordDeps
from app.records.refusals import problem_of_unmappable
from app.records.resolve import AnyMapping, active_mapping
from app.revisions.large_records import run_mapping
from app.revisions.models import Canary, CanaryTally, Route, TrialKey
from app.telemetry import mapping_span
from app.vendors.models import Connection
from mappings.registry import mapping_of
from mappings.spec import Draft, Mapped, Unmappable, VendorDrift

_log = logging.getLogger("lockstitch.mappings")


class Reading(Struct, frozen=True, kw_only=True):
    """A mapped record, with the revision that mapped it, the vendor's bytes, and the account facts used."""

    mapped: Mapped[Any]
    mapping: AnyMapping
    raw: msgspec.Raw
    account: Any = None


async def map_record(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    raw: msgspec.Raw,
    account: Any,
    *,
    remote_id: str | None = None,
    pinned: bool = False,
) -> Reading:
    """Map a record. The route chooses the revision, unless `mapping` is `pinned` or neither active nor a canary.

    The latter is an operation that began with an older revision. `remote_id` is the record's id, if known. Raises
    VendorDrifted.
    """
    route = None if pinned else deps.mapping_routes.of(connection.name, mapping.name)
    if route is None or (route.shadow is None and route.canary is None):
        return _reading(mapping, raw, account, await map_at_revision(deps, connection, mapping, raw, account))
    present = active_mapping(deps, connection, mapping.object) or mapping
    canary = canary_of(connection, present, route)
    if mapping not in (present, canary):
        return _reading(mapping, raw, account, await map_at_revision(deps, connection, mapping, raw, account))
    before = await _map_or_refusal(deps, connection, present, raw, account)
    _offer_to_shadow(deps, connection, present, route, raw, account, before)
    id = before.remote.id if isinstance(before, Mapped) else remote_id
    if canary is None or route.canary is None or id is None or not takes(route.canary, connection, present, id):
        return _reading(present, raw, account, before)
    after = await _map_by_canary(deps, connection, canary, raw, account)
    deps.trials.count_canary(_compare_readings(_key(connection, present, canary), before, after))
    if isinstance(after, Mapped):
        return _reading(canary, raw, account, after)
    return _reading(present, raw, account, before)


def compare_draft(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    patch: Any,
    raw: msgspec.Raw | None,
    account: Any,
    draft: Draft[Any] | None,
) -> None:
    """Compare a draft of `mapping` with the shadow's, or a canary's draft with that of the active revision.

    `draft` None: the mapping raised an error, which counts as a refusal by a canary.
    """
    route = deps.mapping_routes.of(connection.name, mapping.name)
    if route is None or (route.shadow is None and route.canary is None):
        return
    present = active_mapping(deps, connection, mapping.object) or mapping
    shadow = None if route.shadow is None else mapping_of(connection.vendor, mapping.object, route.shadow.revision)
    if draft is not None and mapping is present and route.shadow is not None and shadow not in (None, present):
        key, rate = _key(connection, present, shadow), route.shadow.sample_rate
        deps.trials.offer_draft(key, rate, shadow, patch, raw, account, draft)
    if mapping is not present and mapping is canary_of(connection, present, route):
        deps.trials.count_canary(
            _compare_drafts(_key(connection, present, mapping), _draft_or_none(present, patch, raw, account), draft)
        )


async def read_again(connection: Connection, reading: Reading, revision: int) -> Reading | None:
    """Map the record with another revision. None if there is no such revision, or it refuses the record."""
    mapping = mapping_of(connection.vendor, reading.mapping.object, revision)
    if mapping is None:
        return None
    try:
        mapped = await run_mapping(
            mapping, reading.raw, reading.account, partial(mapping.read, reading.raw, reading.account)
        )
    except Unmappable:
        return None
    return Reading(mapped=mapped, mapping=mapping, raw=reading.raw, account=reading.account)


def choose_writer(deps: RecordDeps, connection: Connection, present: AnyMapping, record: str) -> AnyMapping:
    """Choose the revision that drafts a write of this record: the active one, or the canary for its share."""
    route = deps.mapping_routes.of(connection.name, present.name)
    canary = None if route is None else canary_of(connection, present, route)
    if route is None or route.canary is None or canary is None:
        return present
    return canary if takes(route.canary, connection, present, record) else present


def canary_of(connection: Connection, present: AnyMapping, route: Route) -> AnyMapping | None:
    """Return the canary of the route, if this version of Lockstitch has that revision."""
    if route.canary is None or route.canary.revision == present.revision:
        return None
    return mapping_of(connection.vendor, present.object, route.canary.revision)


def takes(canary: Canary, connection: Connection, mapping: AnyMapping, record: str) -> bool:
    """Return whether this record is in the canary's share. A larger share includes the records of a smaller one."""
    digest = hashlib.blake2b(f"{connection.name}\0{mapping.name}\0{record}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < canary.share * 2**64


async def map_at_revision(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, raw: msgspec.Raw, account: Any
) -> Mapped[Any]:
    """Map a record with this very revision, under a span, and offer it to drift detection. Raises VendorDrifted."""
    with mapping_span(mapping.name, mapping.revision, "read"), as_vendor_drift(deps, connection, mapping, raw):
        mapped = await run_mapping(mapping, raw, account, partial(mapping.read, raw, account))
    deps.drift.show(connection.name, mapping, raw, mapped.data)
    return mapped


async def refuse_rejected_drift(deps: RecordDeps, connection: Connection, *readings: Reading) -> None:
    """Raise VendorDrifted if a record has drift that the connection rejects.

    Only for reads that may refuse a record. The reading that settles a write may not: the write is done.
    """
    for reading in readings:
        try:
            await deps.drift.refuse(connection.name, reading.mapping, reading.raw, reading.mapped.data)
        except VendorDrift as error:
            raise problem_of_unmappable(connection, reading.mapping.object, error) from error


@contextmanager
def as_vendor_drift(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, record: msgspec.Raw | None = None
) -> Iterator[None]:
    """Turn an answer that does not fit the wire Structs into VendorDrifted and a finding.

    `record` is the record being read; None is the answer that contains it.
    """
    try:
        yield
    except Unmappable as error:
        if isinstance(error, VendorDrift):
            deps.drift.show_failure(connection.name, mapping, record, error)
        raise problem_of_unmappable(connection, mapping.object, error) from error


async def _map_or_refusal(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, raw: msgspec.Raw, account: Any
) -> Mapped[Any] | VendorDrifted:
    try:
        return await map_at_revision(deps, connection, mapping, raw, account)
    except VendorDrifted as drifted:
        return drifted


async def _map_by_canary(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, raw: msgspec.Raw, account: Any
) -> Mapped[Any] | VendorDrifted:
    """Map with a canary. An error in the new revision counts as a refusal, and the caller does not see it."""
    try:
        return await _map_or_refusal(deps, connection, mapping, raw, account)
    except Exception:  # noqa: BLE001 - the active revision answers
        _log.exception("a canary broke", extra={"mapping": mapping.name, "revision": mapping.revision})
        return VendorDrifted(f"r{mapping.revision} of {mapping.name} broke with an error of its own.")


def _draft_or_none(mapping: AnyMapping, patch: Any, raw: msgspec.Raw | None, account: Any) -> Draft[Any] | None:
    """Draft with another revision. None if it cannot read the present record, or raises an error."""
    try:
        return mapping.to_vendor(patch, None if raw is None else mapping.decode(raw), account)
    except Unmappable:
        return None
    except Exception:  # noqa: BLE001 - the draft is only compared
        _log.exception("a revision broke", extra={"mapping": mapping.name, "revision": mapping.revision})
        return None


def _reading(mapping: AnyMapping, raw: msgspec.Raw, account: Any, made: Mapped[Any] | VendorDrifted) -> Reading:
    if isinstance(made, VendorDrifted):
        raise made
    return Reading(mapped=made, mapping=mapping, raw=raw, account=account)


def _offer_to_shadow(
    deps: RecordDeps,
    connection: Connection,
    present: AnyMapping,
    route: Route,
    raw: msgspec.Raw,
    account: Any,
    made: Mapped[Any] | VendorDrifted,
) -> None:
    if route.shadow is None or route.shadow.revision == present.revision:
        return
    shadow = mapping_of(connection.vendor, present.object, route.shadow.revision)
    result = made if isinstance(made, Mapped) else made.__cause__
    if shadow is not None and isinstance(result, Mapped | Unmappable):
        key = _key(connection, present, shadow)
        deps.trials.offer_reading(key, route.shadow.sample_rate, shadow, raw, account, result)


def _key(connection: Connection, present: AnyMapping, tried: AnyMapping) -> TrialKey:
    return TrialKey(connection=connection.name, mapping=present.name, active=present.revision, tried=tried.revision)


def _compare_readings(
    key: TrialKey, before: Mapped[Any] | VendorDrifted, after: Mapped[Any] | VendorDrifted
) -> CanaryTally:
    lost = [len(made.loss) if isinstance(made, Mapped) else None for made in (before, after)]
    return _tally(key, [isinstance(before, VendorDrifted), isinstance(after, VendorDrifted)], lost)


def _compare_drafts(key: TrialKey, before: Draft[Any] | None, after: Draft[Any] | None) -> CanaryTally:
    """Compare two drafts. The draft with more refused fields counts as refused, and so does a missing one."""
    if before is None or after is None:
        return _tally(key, [before is None, after is None], [None, None])
    more = [len(before.refused) > len(after.refused), len(after.refused) > len(before.refused)]
    return _tally(key, more, [len(before.loss), len(after.loss)])


def _tally(key: TrialKey, refused: list[bool], lost: list[int | None]) -> CanaryTally:
    """Both lists hold the active revision's value and the canary's. Loss is compared if neither refused."""
    before, after = lost
    more = 0 if before is None or after is None else after - before
    return CanaryTally(
        key=key,
        compared=1,
        refused=int(refused[1]),
        refused_by_active=int(refused[0]),
        more_loss=int(more > 0),
        less_loss=int(more < 0),
    )
