"""Exports of legacy systems: sent here as they are, and followed."""

import asyncio
import codecs
import contextlib
import io
import re
from typing import Final
from weakref import WeakValueDictionary

from litestar import route

from app.errors import NotFound, UnsupportedMediaType
from app.http.admission import AnyRequest, admit, admit_any, content_type_of, idempotency_key, read_into
from app.http.deps import HttpDeps, deps_of
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
"""Exports in the memory of one process, one of each caller; others wait before they are read."""
SPLIT: Final = "Send at most 32 MiB at once; split the export, each part with the header."

WRITES: Final = tuple(f"{plural}:write" for plural in PLURAL.values() if plural != "comments")
READS: Final = tuple(f"{plural}:read" for plural in PLURAL.values() if plural != "comments")
_places: Final = asyncio.Semaphore(AT_ONCE)
_turns: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()
"""Whose export is taken, by principal: one that comes in slowly holds up its own caller alone."""


@route("/v1/uploads/{connection:str}", http_method=["POST"], name="upload export", status_code=202)
async def upload(request: AnyRequest, connection: str) -> Answered:
    """Record every row that is new; 202 once they all are."""
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
    """What has become of its rows so far."""
    _, held = await admit_any(request, (*READS, *WRITES))
    Query(request, ()).check()
    view = await read_upload(deps_of(request, UploadDeps).uploads, request.path_params["id"], connection=connection)
    plural = PLURAL[view.object]
    if not {f"{plural}:read", f"{plural}:write"} & set(held):
        raise NotFound(f"No upload of an object that this key may see has the id {view.id}.")
    return json_response(view)


def _check_media_type(request: AnyRequest, layout: Layout) -> None:
    """Raises UnsupportedMediaType; a charset that is named has to be that of the layout."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity") or content_type_of(request) != CSV:
        raise UnsupportedMediaType(
            f"The body must be {CSV} without a content coding.", next_step="Send Content-Type: text/csv."
        )
    named = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_-]+)", request.headers.get("content-type", ""), re.IGNORECASE)
    if named is not None and _codec(named[1]) != layout.encoding:
        raise UnsupportedMediaType(
            f"The charset that is named is not that of the layout, {layout.encoding}.",
            next_step="Leave the charset out, or change encoding in lockstitch.toml.",
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
