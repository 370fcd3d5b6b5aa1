"""Render a resource as the answer to a write."""

from typing import Any

import msgspec

from app.http.plurals import PLURAL
from app.problem_document import JSON
from app.records.resources import etag_of
from app.writes.models import Answer, Operation
from canonical.parts import Loss, ObjectName, Skipped

_encoder = msgspec.json.Encoder()


def of_operation(
    resource: Any, operation: Operation, loss: tuple[Loss, ...] = (), skipped: tuple[Skipped, ...] = ()
) -> Any:
    """Add the operation, the correlation id, and what the write ignored, skipped and lost to `meta`."""
    meta = msgspec.structs.replace(
        resource.meta,
        operation_id=operation.id,
        correlation_id=operation.correlation_id,
        ignored=operation.intent.ignored,
        skipped=skipped,
        loss=resource.meta.loss + loss,
    )
    return msgspec.structs.replace(resource, meta=meta)


def resource_answer(resource: Any, *, status: int, object_name: ObjectName, named: str | None = None) -> Answer:
    """Render the answer: body, `ETag`, and on 201 the `Location` of the new record, with its connection if that must be
    `named`."""
    headers = {"content-type": JSON}
    if object_name != "comment":
        headers["etag"] = etag_of(resource)
        if status == 201:
            query = "" if named is None else f"?connection={named}"
            headers["location"] = f"/v1/{PLURAL[object_name]}/{resource.id}{query}"
    return Answer(status=status, headers=headers, body=_encoder.encode(resource))
