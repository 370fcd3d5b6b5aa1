"""Map a record at one revision. The shadow of an active revision is offered the same bytes."""

import logging
import random
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import Any

import msgspec
from msgspec import Struct

from app.records.deps import RecordDeps
from app.records.refusals import problem_of_unmappable
from app.records.withhold_person import withhold_person
from app.revisions.large_records import run_mapping
from app.revisions.models import TrialKey
from app.revisions.trials import Trial
from app.telemetry import mapping_span
from app.vendors.models import Connection
from canonical.parts import ObjectName
from mappings.registry import AnyMapping, active, mapping_of
from mappings.spec import Draft, Mapped, Unmappable, VendorDrift

_log = logging.getLogger("lockstitch.records")


class Reading(Struct, frozen=True, kw_only=True):
    """A mapped record, with the revision that mapped it, the vendor's bytes, and the account facts used. A record of a
    page that is not `is_complete` may lack what a read by its id has, such as the lines of refunds. `source` is the
    digest of what it was mapped from (`known_records`), if its page is compared by that. `whole`: what a write to it
    merges with, if `mapped` lacks what is personal of a person who was erased."""

    mapped: Mapped[Any]
    mapping: AnyMapping
    raw: msgspec.Raw
    account: Any = None
    is_complete: bool = True
    source: bytes | None = None
    whole: Mapped[Any] | None = None


def active_mapping(deps: RecordDeps, connection: Connection, object_name: ObjectName) -> AnyMapping | None:
    """Return the active revision of the route, else the newest released one. None if the vendor has no such object."""
    newest = active(connection.vendor, object_name)
    route = None if newest is None else deps.mapping_routes.in_force.get((connection.name, newest.name))
    if route is None or route.active is None:
        return newest
    return mapping_of(connection.vendor, object_name, route.active) or newest


async def map_record(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    raw: msgspec.Raw,
    account: Any,
    *,
    listed: bool = False,
    sampled: bool = False,
    ticket: str | None = None,
) -> Reading:
    """Map a record, and offer it to drift detection, which has chosen it already if `sampled`, and to the shadow.
    `listed` says that it comes from a list, and `ticket` is that of a comment. Raises VendorDrifted, also if the
    mapping itself fails, and Erased for a customer who was erased."""
    with mapping_span(mapping.name, mapping.revision, "read"), as_vendor_drift(deps, connection, mapping, raw):
        try:
            mapped = await run_mapping(mapping, raw, account, partial(mapping.read, raw, account))
        except Unmappable as refusal:
            offer_to_shadow(deps, connection, mapping, raw, account, refusal)
            raise
        except Exception as error:  # a fault of the mapping concerns this record only, not its page
            _log.exception("a mapping failed", extra={"connection": connection.name, "mapping": mapping.name})
            raise Unmappable("$", f"the mapping failed with {type(error).__qualname__}") from error
    offer_to_shadow(deps, connection, mapping, raw, account, mapped)
    deps.drift.show(connection.name, mapping, raw, mapped.data, listed=listed, sampled=sampled)
    visible = mapped
    if deps.erased.digests:
        visible = withhold_person(deps.erased, mapping.object, connection.name, mapped, raw, ticket=ticket)
    whole = None if visible is mapped else mapped
    return Reading(mapped=visible, mapping=mapping, raw=raw, account=account, whole=whole)


def offer_to_shadow(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    raw: msgspec.Raw | None,
    account: Any,
    made: Mapped[Any] | Unmappable | Draft[Any],
    patch: Any = None,
) -> None:
    """Queue what the active revision made of a record for comparison, if there is a shadow and its sample wants it.

    `made` is the reading of `raw`, its refusal, or the draft of `patch`; `raw` is then the present record, if any.
    """
    route = deps.mapping_routes.in_force.get((connection.name, mapping.name))
    if route is None or route.shadow is None or mapping is not active_mapping(deps, connection, mapping.object):
        return
    shadow = mapping_of(connection.vendor, mapping.object, route.shadow.revision)
    if shadow is None or shadow is mapping or random.random() >= route.shadow.sample_rate:  # noqa: S311 - no secret
        return
    key = TrialKey(connection=connection.name, mapping=mapping.name, active=mapping.revision, shadow=shadow.revision)
    # Copy, because the record may be a slice that keeps a whole page in memory.
    record = None if raw is None else bytes(raw)
    deps.trials.offer(Trial(key=key, shadow=shadow, account=account, record=record, made=made, patch=patch))


async def read_again(connection: Connection, reading: Reading, revision: int) -> Reading | None:
    """Map the record with another revision. None if there is no such revision, it refuses the record, or part of that
    is withheld."""
    mapping = mapping_of(connection.vendor, reading.mapping.object, revision)
    if mapping is None or reading.whole is not None:
        return None
    try:
        mapped = await run_mapping(
            mapping, reading.raw, reading.account, partial(mapping.read, reading.raw, reading.account)
        )
    except Unmappable:
        return None
    return Reading(mapped=mapped, mapping=mapping, raw=reading.raw, account=reading.account)


async def refuse_rejected_drift(deps: RecordDeps, connection: Connection, *readings: Reading) -> None:
    """Raise VendorDrifted if a record has drift that the connection rejects.

    Only for reads that may refuse a record. The reading that settles a write may not: the write is done.
    """
    for reading in readings:
        try:
            await deps.drift.refuse(connection.name, reading.mapping, reading.raw, reading.mapped.data)
        except VendorDrift as error:
            raise problem_of_unmappable(connection, reading.mapping.object, error) from error


class as_vendor_drift(AbstractContextManager[None]):  # noqa: N801 - a function that costs a fifth of a generator's
    """Turn an answer that does not fit the wire Structs into VendorDrifted and a finding.

    `record` is the record being read; None is the answer that contains it.
    """

    __slots__ = ("_connection", "_deps", "_mapping", "_record")

    def __init__(
        self, deps: RecordDeps, connection: Connection, mapping: AnyMapping, record: msgspec.Raw | None = None
    ) -> None:
        self._deps, self._connection, self._mapping, self._record = deps, connection, mapping, record

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, Unmappable):
            return
        if isinstance(error, VendorDrift):
            self._deps.drift.show_failure(self._connection.name, self._mapping, self._record, error)
        raise problem_of_unmappable(self._connection, self._mapping.object, error) from error
