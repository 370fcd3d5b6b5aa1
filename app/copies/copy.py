"""Copy a record to another connection for a caller: read it at its own, write it at the other, and link the two."""

from contextlib import suppress
from functools import partial
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from app.copies.comments import comments_job
from app.copies.request import Copy, request_of
from app.copies.source import read_source
from app.errors import InvalidField, VersionConflict
from app.http.decode_body import decode_patch
from app.http.nearest_name import did_you_mean
from app.problem_document import FieldError
from app.records.deps import RecordDeps
from app.records.map_record import active_mapping
from app.records.resolve import choose_mapping, resolve_record
from app.vendors.models import Connection
from app.writes.copy_links import known_copy
from app.writes.deps import WriteDeps
from app.writes.idempotency import KeyIsFree, Writers, Written, replay, waits_of, write
from app.writes.request import WriteRequest, read_with_query
from app.writes.resolved_write import UPSERT_KEYS
from canonical.parts import Link, Loss, ObjectName
from mappings.endpoints import UpsertKey

MOST_READS: Final = 3
"""How often a record is read for its copy, while others copy it too."""


class CopyRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to copy a record to, and how."""

    connection: str
    """The connection to copy to. Example: `"hubspot"`"""
    match_on: UpsertKey | None = None
    """If the record is not linked there yet, update the one with the same e-mail address, or the same key of the
    caller. Example: `"email"`"""
    fields: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    """Copy these fields and the one of `match_on`; null for all. Example: `["emails", "last_name"]`"""
    on_missing: Literal["create", "ignore"] = "create"
    """Without a link and a match: create the record, or write nothing. Example: `"create"`"""
    include: tuple[Literal["comments"], ...] = ()
    """`comments` adds the comments of a ticket to the copy, as further operations. Where the connection has no
    comments, the copy goes without them, and `meta.loss` says so. Example: `["comments"]`"""
    notify: bool = False
    """Whether the vendor may send messages about the copy. With false, `meta.loss` says so if they cannot be
    suppressed. Example: `false`"""


async def copy_record(deps: WriteDeps, writers: Writers, request: WriteRequest) -> Written:
    """Copy the record of `request`, whose `connection` is the one to read it at, and whose body is a CopyRequest.

    Raises NotFound for a record that does not exist or is not linked where it is read, and like `write`.
    """
    recorded = await deps.operations.find_by_key(request.principal, request.key)
    if recorded is not None:
        with suppress(KeyIsFree):  # then this is the first request with it
            return await replay(deps, writers, request, recorded, waits_of(request))
    for _ in range(MOST_READS - 1):
        with suppress(VersionConflict):  # another copy of the two records has ended since the read
            return await write(deps, writers, await copy_request(deps, request))
    return await write(deps, writers, await copy_request(deps, request))


async def copy_request(deps: WriteDeps, request: WriteRequest) -> WriteRequest:
    """Read the record, and return the write of its copy. `request` and what it raises: see `copy_record`."""
    order = read_with_query(request, partial(_read_order, request))
    source = await resolve_record(deps, request.object, request.identifier or "", request.connection)
    target = _target_of(deps, request.object, order, source.connection)
    with_comments, lost = bool(order.include), tuple[Loss, ...]()
    if with_comments:
        choose_mapping(deps, source.connection, "comment")
        if not _holds_comments(deps, target):
            with_comments, lost = False, (_without_comments(target),)
    place = Link(connection=source.connection.name, remote_id=source.remote_id)
    known = await known_copy(deps, request.object, place, target.name, source.links)
    record = await read_source(deps, source.connection, request.object, source.remote_id, request.wait)
    copy = Copy(
        target=target,
        known=known,
        match_on=order.match_on,
        creates=order.on_missing == "create",
        visited=(place.connection,),
        only=order.fields,
        notify=order.notify,
        next_job=comments_job(place.connection, place.remote_id, notify=order.notify) if with_comments else None,
        lost=lost,
    )
    return request_of(deps, request, record, copy)


def _holds_comments(deps: RecordDeps, target: Connection) -> bool:
    mapping = active_mapping(deps, target, "comment")
    return mapping is not None and mapping.endpoints.create is not None


def _without_comments(target: Connection) -> Loss:
    detail = f"{target.vendor.title} has no comments of tickets, so the copy goes without them"
    return Loss(path="/comments", kind="dropped", detail=detail)


def _read_order(request: WriteRequest) -> CopyRequest:
    """Decode the body. Raises MalformedBody and InvalidField."""
    order = decode_patch(request.body, CopyRequest)
    errors, keys = list[FieldError](), UPSERT_KEYS[request.object]
    if order.match_on is not None and order.match_on not in keys:
        errors.append(FieldError(pointer="/match_on", detail=f"one of: {', '.join(keys)}"))
    if order.include and request.object != "ticket":
        errors.append(FieldError(pointer="/include", detail=f"a {request.object} has no comments"))
    if errors:
        raise InvalidField.listing(errors)
    return order


def _target_of(deps: RecordDeps, object_name: ObjectName, order: CopyRequest, source: Connection) -> Connection:
    """Return the connection to copy to. Raises InvalidField for an unknown one, for the record's own or one
    in another realm, and for an unknown field; UnsupportedAction if the connection has no such objects."""
    target = deps.connections.by_name.get(order.connection)
    if target is None:
        known = ", ".join(sorted(deps.connections.by_name))
        raise InvalidField.at("/connection", f"no connection has this name; there are: {known}")
    if target.name == source.name:
        raise InvalidField.at("/connection", "is where the record is: name the connection to copy it to")
    if not deps.links.share_realm(source.name, target.name):
        raise InvalidField.at(
            "/connection", f"is in another realm than {source.name}, and a copy is linked to its source"
        )
    names = choose_mapping(deps, target, object_name).patch.__struct_encode_fields__
    errors = [
        FieldError(
            pointer=f"/fields/{place}",
            detail=f"{name[:80]!r} is not a field that a {object_name} is written with.{did_you_mean(name, names)}",
        )
        for place, name in enumerate(order.fields or ())
        if name not in names
    ]
    if errors:
        raise InvalidField.listing(errors)
    return target
