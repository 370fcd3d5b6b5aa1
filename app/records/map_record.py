"""From a record's bytes to what they mean, by the revision that its route says; and what is tried beside it.

A canary answers for its share of the records: which ones is a matter of the record's id alone, so that no record flaps
between two readings. It is weighed against the active revision on the same bytes, and where only it refuses them, the
active one answers, so that nobody suffers for being in the sample.
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
    """A record as it was understood, the revision that understood it, the vendor's own bytes, and the facts of the
    account that it was read with."""

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
    """What a record means. `mapping` is kept to where it is `pinned`, or neither active nor a canary any more, as for
    an operation that began with an older one; else the route decides. `remote_id` is the record's, where it is known
    already. Raises VendorDrifted."""
    route = None if pinned else deps.mapping_routes.of(connection.name, mapping.name)
    if route is None or (route.shadow is None and route.canary is None):
        return Reading(
            mapped=await map_at_revision(deps, connection, mapping, raw, account),
            mapping=mapping,
            raw=raw,
            account=account,
        )
    present = active_mapping(deps, connection, mapping.object) or mapping
    canary = canary_of(connection, present, route)
    if mapping not in (present, canary):
        return Reading(
            mapped=await map_at_revision(deps, connection, mapping, raw, account),
            mapping=mapping,
            raw=raw,
            account=account,
        )
    before = await _try(deps, connection, present, raw, account)
    _offer(deps, connection, present, route, raw, account, before)
    id = before.remote.id if isinstance(before, Mapped) else remote_id
    if canary is None or route.canary is None or id is None or not takes(route.canary, connection, present, id):
        return _reading(present, raw, account, before)
    after = await _try_canary(deps, connection, canary, raw, account)
    deps.trials.weigh(_weigh(_key(connection, present, canary), before, after))
    if isinstance(after, Mapped):
        return Reading(mapped=after, mapping=canary, raw=raw, account=account)
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
    """Compare a draft that `mapping` has made with what the shadow would make of it, or a canary's with what the active
    revision would have. None is a draft that it broke over: of a canary that is a refusal."""
    route = deps.mapping_routes.of(connection.name, mapping.name)
    if route is None or (route.shadow is None and route.canary is None):
        return
    present = active_mapping(deps, connection, mapping.object) or mapping
    shadow = None if route.shadow is None else mapping_of(connection.vendor, mapping.object, route.shadow.revision)
    if draft is not None and mapping is present and route.shadow is not None and shadow not in (None, present):
        key, rate = _key(connection, present, shadow), route.shadow.sample_rate
        deps.trials.offer_draft(key, rate, shadow, patch, raw, account, draft)
    if mapping is not present and mapping is canary_of(connection, present, route):
        deps.trials.weigh(
            _weigh_drafts(_key(connection, present, mapping), _draft_again(present, patch, raw, account), draft)
        )


async def read_again(connection: Connection, reading: Reading, revision: int) -> Reading | None:
    """The same record as another revision reads it; None where there is no such revision, or it cannot."""
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
    """The revision that drafts a write of this record: the active one, or a canary that the record falls to."""
    route = deps.mapping_routes.of(connection.name, present.name)
    canary = None if route is None else canary_of(connection, present, route)
    if route is None or route.canary is None or canary is None:
        return present
    return canary if takes(route.canary, connection, present, record) else present


def canary_of(connection: Connection, present: AnyMapping, route: Route) -> AnyMapping | None:
    """The revision that answers for a share, where there is one that this version of Lockstitch knows."""
    if route.canary is None or route.canary.revision == present.revision:
        return None
    return mapping_of(connection.vendor, present.object, route.canary.revision)


def takes(canary: Canary, connection: Connection, mapping: AnyMapping, record: str) -> bool:
    """Whether this record is among the share: always the same answer, and a greater share keeps those of a smaller."""
    digest = hashlib.blake2b(f"{connection.name}\0{mapping.name}\0{record}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < canary.share * 2**64


async def map_at_revision(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, raw: msgspec.Raw, account: Any
) -> Mapped[Any]:
    """Bytes of a record to what this very revision makes of them, under a span, and shown to the lookout for drift.
    Raises VendorDrifted."""
    with mapping_span(mapping.name, mapping.revision, "read"), as_vendor_drift(deps, connection, mapping, raw):
        mapped = await run_mapping(mapping, raw, account, partial(mapping.read, raw, account))
    deps.drift.show(connection.name, mapping, raw, mapped.data)
    return mapped


async def refuse_rejected_drift(deps: RecordDeps, connection: Connection, *readings: Reading) -> None:
    """Raises VendorDrifted where one of the records has drift that the connection rejects. It is for whoever may turn a
    record away: the readings that settle a write may not, for what is done is done."""
    for reading in readings:
        try:
            await deps.drift.refuse(connection.name, reading.mapping, reading.raw, reading.mapped.data)
        except VendorDrift as error:
            raise problem_of_unmappable(connection, reading.mapping.object, error) from error


@contextmanager
def as_vendor_drift(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, record: msgspec.Raw | None = None
) -> Iterator[None]:
    """Whatever the vendor sent that does not fit the wire Structs becomes VendorDrifted, and a finding. `record` is
    what is read; None is the answer around it."""
    try:
        yield
    except Unmappable as error:
        if isinstance(error, VendorDrift):
            deps.drift.show_failure(connection.name, mapping, record, error)
        raise problem_of_unmappable(connection, mapping.object, error) from error


async def _try(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, raw: msgspec.Raw, account: Any
) -> Mapped[Any] | VendorDrifted:
    try:
        return await map_at_revision(deps, connection, mapping, raw, account)
    except VendorDrifted as drifted:
        return drifted


async def _try_canary(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, raw: msgspec.Raw, account: Any
) -> Mapped[Any] | VendorDrifted:
    """A revision that is new may break; that is a refusal of its own, and not the caller's trouble."""
    try:
        return await _try(deps, connection, mapping, raw, account)
    except Exception:  # noqa: BLE001 - whatever it is, the active revision answers
        _log.exception("a canary broke", extra={"mapping": mapping.name, "revision": mapping.revision})
        return VendorDrifted(f"r{mapping.revision} of {mapping.name} broke with an error of its own.")


def _draft_again(mapping: AnyMapping, patch: Any, raw: msgspec.Raw | None, account: Any) -> Draft[Any] | None:
    """What another revision would send; None where it cannot read the present record, or breaks."""
    try:
        return mapping.to_vendor(patch, None if raw is None else mapping.decode(raw), account)
    except Unmappable:
        return None
    except Exception:  # noqa: BLE001 - it is only weighed against: what is sent is another's
        _log.exception("a revision broke", extra={"mapping": mapping.name, "revision": mapping.revision})
        return None


def _reading(mapping: AnyMapping, raw: msgspec.Raw, account: Any, made: Mapped[Any] | VendorDrifted) -> Reading:
    if isinstance(made, VendorDrifted):
        raise made
    return Reading(mapped=made, mapping=mapping, raw=raw, account=account)


def _offer(
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
    told = made if isinstance(made, Mapped) else made.__cause__
    if shadow is not None and isinstance(told, Mapped | Unmappable):
        key = _key(connection, present, shadow)
        deps.trials.offer_reading(key, route.shadow.sample_rate, shadow, raw, account, told)


def _key(connection: Connection, present: AnyMapping, tried: AnyMapping) -> TrialKey:
    return TrialKey(connection=connection.name, mapping=present.name, active=present.revision, tried=tried.revision)


def _weigh(key: TrialKey, before: Mapped[Any] | VendorDrifted, after: Mapped[Any] | VendorDrifted) -> CanaryTally:
    lost = [len(made.loss) if isinstance(made, Mapped) else None for made in (before, after)]
    return _weighing(key, [isinstance(before, VendorDrifted), isinstance(after, VendorDrifted)], lost)


def _weigh_drafts(key: TrialKey, before: Draft[Any] | None, after: Draft[Any] | None) -> CanaryTally:
    """Of two drafts the one that refuses more fields counts as refused, and each that there is none of."""
    if before is None or after is None:
        return _weighing(key, [before is None, after is None], [None, None])
    more = [len(before.refused) > len(after.refused), len(after.refused) > len(before.refused)]
    return _weighing(key, more, [len(before.loss), len(after.loss)])


def _weighing(key: TrialKey, refused: list[bool], lost: list[int | None]) -> CanaryTally:
    """Both lists hold the active revision's and the canary's; loss is compared where both have read."""
    before, after = lost
    more = 0 if before is None or after is None else after - before
    return CanaryTally(
        key=key,
        weighed=1,
        refused=int(refused[1]),
        refused_by_active=int(refused[0]),
        lost_more=int(more > 0),
        lost_less=int(more < 0),
    )
