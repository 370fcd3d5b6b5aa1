"""Read the record to copy, as it is now."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from app.errors import Erased, StoreUnavailable
from app.problem_document import Problem
from app.queue.models import Deferred, Done, JobOutcome, Permanent, Retry
from app.records.deps import RecordDeps
from app.records.last_seen import Tolerance
from app.records.read import read_one
from app.vendors.models import Connection
from canonical.parts import ObjectName

AUTH_PAUSE = 60.0
"""Seconds to wait while a source refuses its credential."""


class SourceRecord(Struct, frozen=True, kw_only=True):
    """A record to copy: its canonical id and connection, its fields as JSON values, and of its `meta` what makes a body
    portable."""

    id: str
    connection: str
    remote_id: str
    fields: Mapping[str, Any]
    origin: Mapping[str, Any]


async def read_source(
    deps: RecordDeps,
    connection: Connection,
    object_name: ObjectName,
    remote_id: str,
    wait: float | None = None,
    tolerance: Tolerance | None = None,
) -> SourceRecord:
    """Read a record, within `wait` seconds if given, or its last row if it is known from exports only. `tolerance` as
    in `read_one`. Raises NotFound, Erased if it is or names a person who was, and the vendor's problems."""
    place = f"{connection.name}:{remote_id}"
    read = await read_one(deps, object_name, place, connection=None, wait=wait, tolerance=tolerance)
    if read.is_withheld or deps.erased.has_record(object_name, connection.name, remote_id):
        raise Erased(f"This {object_name} names a person who was erased here, so it is not copied.")
    resource: Any = read.resource
    return SourceRecord(
        id=resource.id,
        connection=resource.meta.connection,
        remote_id=resource.meta.remote_id,
        fields=msgspec.to_builtins(resource),
        origin={
            "loss": msgspec.to_builtins(resource.meta.loss),
            "unsupported": resource.meta.unsupported,
            "remote_updated_at": resource.meta.remote_updated_at,
        },
    )


def unreadable_source(problem: Problem) -> JobOutcome:
    """Return the outcome of a job that cannot read its source. The job is in the lane of the target, which is well.
    Raises StoreUnavailable."""
    if isinstance(problem, Erased):
        return Done()
    if isinstance(problem, StoreUnavailable):
        raise problem
    match problem.category:
        case "permanent" | "conflict":
            return Permanent(reason=f"source: {problem.code}")
        case "auth":
            return Deferred(reason=f"source: {problem.code}", after=max(AUTH_PAUSE, problem.retry_after or 0.0))
        case _:
            return Retry(reason=f"source: {problem.code}", at_least=problem.retry_after or 0.0)
