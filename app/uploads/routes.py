"""HTTP routes for uploads of CSV exports."""

import asyncio
import codecs
import contextlib
import io
import re
from typing import Final
from weakref import WeakValueDictionary

from litestar import route

from app.errors import NotFound, UnsupportedMediaType
from app.http.admission import AnyRequest, admit, admit_any, content_type_of, read_into
from app.http.deps import HttpDeps, deps_of
from app.http.headers import idempotency_key
from app.http.plurals import PLURAL
from app.http.query import Query
from app.http.responses import Answered, json_response
from app.telemetry import mark_replayed
from app.uploads.deps import UploadDeps
from app.uploads.record import LARGEST, layout_of, take_upload
from app.uploads.views import read_upload
from mappings.csv.layout import Layout

CSV: Final = "text/csv"
AT_ONCE: Final = 4
"""Exports that one process holds in memory, one per caller. Further requests wait before their body is read."""
SPLIT: Final = "Send at most 32 MiB per request. Split the export and repeat the header in each part."

WRITES: Final = tuple(f"{plural}:write" for plural in PLURAL.values() if plural != "comments")
READS: Final = tuple(f"{plural}:read" for plural in PLURAL.values() if plural != "comments")
_places: Final = asyncio.Semaphore(AT_ONCE)
_turns: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()
"""Whose export is taken, by principal: one that comes in slowly holds up its own caller alone."""


@route("/v1/uploads/{connection:str}", http_method=["POST"], name="upload export", status_code=202)
async def upload(request: AnyRequest, connection: str) -> Answered:
    """Record every new row of an export, then answer 202."""
    deps = deps_of(request, UploadDeps)
    try:
        found, layout = layout_of(deps.connections, connection)
    except NotFound:
        await admit_any(request, WRITES)
        raise
    admitted = await admit(request, f"{PLURAL[layout.object]}:write")
    key = idempotency_key(request)
    principal = admitted.caller.principal
    turn = _turns.setdefault(principal, asyncio.Lock())
    async with turn, _places:
        with contextlib.closing(io.BytesIO()) as file:
            transfers = deps_of(request, HttpDeps).exports
            await read_into(request, file.write, LARGEST, transfers=transfers, next_step=SPLIT)
            _check_media_type(request, layout)
            Query(request, ()).check()
            taken = await take_upload(
                deps,
                found,
                layout,
                file,
                principal=principal,
                key=key,
                correlation_id=admitted.correlation_id,
            )
    headers = {"location": f"/v1/uploads/{connection}/{taken.upload.id}"}
    if taken.replayed:
        headers["idempotent-replayed"] = "true"
        mark_replayed()
    return json_response(taken.upload, status=202, headers=headers)


@route("/v1/uploads/{connection:str}/{id:str}", http_method=["GET"], name="read upload")
async def read(request: AnyRequest, connection: str) -> Answered:
    """Return the progress of an upload and the outcomes of its rows."""
    _, held = await admit_any(request, (*READS, *WRITES))
    Query(request, ()).check()
    view = await read_upload(deps_of(request, UploadDeps).uploads, request.path_params["id"], connection=connection)
    plural = PLURAL[view.object]
    if not {f"{plural}:read", f"{plural}:write"} & set(held):
        raise NotFound(f"Unknown upload {view.id}, or this key lacks the scope to read it.")
    return json_response(view)


def _check_media_type(request: AnyRequest, layout: Layout) -> None:
    """Raise UnsupportedMediaType unless the body is plain text/csv. A given charset must equal the layout's."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity") or content_type_of(request) != CSV:
        raise UnsupportedMediaType(
            f"The body must be {CSV} without a content coding.", next_step="Send Content-Type: text/csv."
        )
    named = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_-]+)", request.headers.get("content-type", ""), re.IGNORECASE)
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


HANDLERS: Final = (
    upload,
    read,
)
