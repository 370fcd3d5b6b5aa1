"""The HTTP response to a write."""

from litestar import Response

from app.http.responses import json_response
from app.problem_document import JSON
from app.telemetry import mark_replayed
from app.writes.write import Written


def written_response(written: Written) -> Response[bytes]:
    """The answer to a write: fresh, replayed byte for byte, or 202 with the operation and where it will be."""
    if written.operation is not None:
        location = f"/v1/operations/{written.operation.id}"
        return json_response(written.operation, status=202, headers={"location": location})
    assert written.answer is not None  # noqa: S101 - one of the two is there
    headers = dict(written.answer.headers)
    media_type = headers.pop("content-type", JSON)
    if written.replayed:
        headers["idempotent-replayed"] = "true"
        mark_replayed()
    return Response(written.answer.body, status_code=written.answer.status, headers=headers, media_type=media_type)
