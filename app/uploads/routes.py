"""HTTP operations of uploads of CSV exports."""

import asyncio
import codecs
import contextlib
import io
import re
from typing import Final
from weakref import WeakValueDictionary

from app.errors import Forbidden, NotFound, UnsupportedMediaType
from app.http.admission import AnyRequest, check_coding, content_type_of, read_into
from app.http.deps import HttpDeps
from app.http.edge import deps_of, header_of
from app.http.headers import IDEMPOTENCY_KEY
from app.http.operation import Call, FileBody, operation
from app.http.parameters import PathText
from app.http.plurals import PLURAL, WRITE_SCOPES
from app.http.responses import Answered, json_response
from app.telemetry import mark_replayed
from app.uploads import views
from app.uploads.deps import UploadDeps
from app.uploads.record import MAX_BYTES, layout_of, take_upload
from app.uploads.views import UploadView
from mappings.csv.export import MOST_ROWS
from mappings.csv.layout import Layout

CSV: Final = "text/csv"
AT_ONCE: Final = 4
"""Exports that one process holds in memory, one per caller. Further requests wait before their body is read."""
SPLIT: Final = "Send at most 32 MiB per request. Split the export and repeat the header in each part."

READS: Final = tuple(f"{plural}:read" for plural in PLURAL.values() if plural != "comments")
TAG: Final = "Uploads"
CONNECTION: Final = PathText("connection", "The connection of the export.", "legacy")
_places: Final = asyncio.Semaphore(AT_ONCE)
_turns: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()
"""Whose export is taken, by principal: one that comes in slowly holds up its own caller alone."""


def _layout_scope(request: AnyRequest) -> tuple[str, ...]:
    _, layout = layout_of(deps_of(request, UploadDeps).connections, request.path_params["connection"])
    return (f"{PLURAL[layout.object]}:write",)


@operation(
    "POST",
    "/v1/uploads/{connection}",
    tag=TAG,
    scopes=WRITE_SCOPES,
    scopes_of=_layout_scope,
    parameters=(CONNECTION,),
    headers=(IDEMPOTENCY_KEY,),
    body=FileBody(media_type=CSV, example="Customer No,Name,E-mail\r\n4711,Ann Lee,ann@example.com\r\n"),
    status=202,
    answer=UploadView,
    sends=("Location",),
    text=f"""Upload an export.

    Send a CSV file with a header, in the layout of the connection (RFC 4180; at most 32 MiB and {MOST_ROWS} rows). The
    answer is 202 once every row is recorded. A row that equals the last row of its record is a duplicate, so you can
    send a file again. After an interruption, the same key continues the same upload. A row that cannot be read becomes
    a dead letter that names row and column; the others become events. A file with a missing column or an unclosed quote
    is refused as a whole. The required scope is that of the object in the layout.""",
)
async def upload_export(call: Call) -> Answered:
    """Record every new row of an export, then answer 202."""
    if call.caller.needs_approval:
        raise Forbidden(
            f"Each write with the API key {call.caller.name!r} needs an approval, and no upload can wait for one.",
            next_step="Upload with another key, or send the records one by one: POST /v1/customers waits for approval.",
        )
    request, principal, connection = call.request, call.caller.principal, call.path("connection")
    deps = call.deps(UploadDeps)
    sender, layout = layout_of(deps.connections, connection)
    turn = _turns.setdefault(principal, asyncio.Lock())
    async with turn, _places:
        with contextlib.closing(io.BytesIO()) as file:
            transfers = call.deps(HttpDeps).exports
            await read_into(request, file.write, MAX_BYTES, transfers=transfers, next_step=SPLIT)
            _check_media_type(request, layout)
            call.check_query()
            taken = await take_upload(
                deps,
                sender,
                layout,
                file,
                principal=principal,
                key=call.header(IDEMPOTENCY_KEY),
                correlation_id=call.correlation_id,
            )
    headers = {"location": f"/v1/uploads/{connection}/{taken.upload.id}"}
    if taken.replayed:
        headers["idempotent-replayed"] = "true"
        mark_replayed()
    return json_response(taken.upload, status=202, headers=headers)


@operation(
    "GET",
    "/v1/uploads/{connection}/{id}",
    tag=TAG,
    scopes=(*READS, *WRITE_SCOPES),
    parameters=(CONNECTION, PathText("id", "The upload's id.", "upl_0198f0a2b7c47d3c9a51f2e80b6c4d17")),
)
async def read_upload(call: Call) -> UploadView:
    """Read the progress of an upload.

    Kept as long as receipts (`[retention]`, 30 days).
    """
    view = await views.read_upload(call.deps(UploadDeps).uploads, call.path("id"), connection=call.path("connection"))
    plural = PLURAL[view.object]
    if not {f"{plural}:read", f"{plural}:write"} & set(call.granted):
        raise NotFound(f"Unknown upload {view.id}, or this key lacks the scope to read it.")
    return view


def _check_media_type(request: AnyRequest, layout: Layout) -> None:
    """Raise UnsupportedMediaType unless the body is plain text/csv. A given charset must equal the layout's."""
    check_coding(request)
    if content_type_of(request) != CSV:
        raise UnsupportedMediaType(f"The body must be {CSV}.", next_step=f"Send Content-Type: {CSV}.")
    named = re.search(
        r"charset\s*=\s*\"?([A-Za-z0-9_-]+)", header_of(request.scope, "content-type") or "", re.IGNORECASE
    )
    if named is not None and _codec(named[1]) != layout.encoding:
        raise UnsupportedMediaType(
            f"The charset differs from the encoding of the layout, {layout.encoding}.",
            next_step="Omit the charset, or change encoding in lockstitch.toml.",
        )


def _codec(name: str) -> str | None:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
