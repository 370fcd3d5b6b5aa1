"""The job that follows a record with copies which a webhook reports as deleted."""

from typing import Final

import msgspec
from msgspec import Struct

from app.queue.models import NewJob
from canonical.parts import ObjectName

KIND: Final = "follow_source"


class DeletedSource(Struct, frozen=True, kw_only=True):
    """The payload: the record. `is_named`: a deletion webhook names it; else it was seen again after one."""

    object: ObjectName
    connection: str
    remote_id: str
    is_named: bool


def job_of_source(source: DeletedSource, *, origin: str, correlation_id: str) -> NewJob:
    """Return the job. Those of one record run one after the other."""
    return NewJob(
        kind=KIND,
        payload=msgspec.json.encode(source),
        connection=source.connection,
        order_key=f"source:{source.object}:{source.remote_id}",
        dedupe_key=origin,
        correlation_id=correlation_id,
        origin=origin,
    )
