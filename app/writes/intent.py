"""From a caller's request to an intent: which connection, which record, and a body whose every field is well-formed."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from app.errors import InvalidField
from app.http.body import NO_CHOICE, decode_patch
from app.http.mapping_header import NamedRevision
from app.problem_document import FieldError
from app.records.map_record import choose_writer
from app.records.resolve import AnyMapping, cannot, choose_connection, choose_mapping, resolve_record
from app.vendors.models import Connection
from app.writes.deps import WriteDeps
from app.writes.models import Intent
from canonical.order_patch import OrderCancel
from canonical.parts import ObjectName
from canonical.validate import complaints
from mappings.coverage import writable_values
from mappings.spec import Action, UpsertKey

UPSERT_KEYS: Final[dict[ObjectName, tuple[UpsertKey, ...]]] = {
    "customer": ("email", "external_id"),
    "order": ("external_id",),
    "ticket": ("external_id",),
    "comment": (),
}


class WriteRequest(Struct, frozen=True, kw_only=True):
    """A write as it came in. `identifier` is the `{id}` of the record, or of the ticket for a comment; `respond_async`:
    the caller is content to be told later, at `callback` too where one is named; `wait` is how many seconds the caller
    waits, where that was said; `revision` is the one to draft with, where the caller names one for a dry run."""

    principal: str
    key: str
    fingerprint: bytes
    correlation_id: str
    instance: str
    object: ObjectName
    action: Action
    identifier: str | None = None
    connection: str | None = None
    upsert_on: str | None = None
    lossy: bool = False
    if_match: str | None = None
    body: bytes = b""
    respond_async: bool = False
    callback: str | None = None
    wait: float | None = None
    revision: NamedRevision | None = None


def fingerprint(*parts: bytes) -> bytes:
    """SHA-256 over the parts of a request, each with its length, so that no two splits give the same digest."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


async def read_intent(deps: WriteDeps, request: WriteRequest, check: Callable[[], None]) -> Intent:
    """The request as an intent; `check` raises InvalidField for what is wrong with the query.

    Raises MalformedBody, InvalidField, NotFound, UnsupportedAction.
    """
    # The body is judged before the record is looked for, with the connection that the request itself names.
    patch = _read_fields(deps, request, check)
    remote_id = parent = canonical_id = None
    if request.identifier is None:
        connection = choose_connection(deps, request.object, request.connection)
    else:
        owner: ObjectName = "ticket" if request.object == "comment" else request.object
        target = await resolve_record(deps, owner, request.identifier, request.connection)
        connection, canonical_id = target.connection, target.canonical_id
        if request.object == "comment":
            parent = target.remote_id
        else:
            remote_id = target.remote_id
    mapping = choose_mapping(deps, connection, request.object, request.revision)
    if request.revision is None:
        # A record that does not exist yet has no id to tell by: the request's own key stands for it.
        mapping = choose_writer(deps, connection, mapping, remote_id or parent or request.key)
    _refuse_action(deps, connection, mapping, request.action)
    key = _upsert_key(deps, connection, mapping, request)
    return Intent(
        object=request.object,
        action=request.action,
        connection=connection.name,
        revision=mapping.revision,
        instance=request.instance,
        remote_id=remote_id,
        parent=parent,
        canonical_id=canonical_id,
        upsert_on=key,
        upsert_value=None if key is None else _upsert_value(key, patch),
        lossy=request.lossy,
        if_match=request.if_match,
        body=request.body,
    )


def _read_fields(deps: WriteDeps, request: WriteRequest, check: Callable[[], None]) -> Any:
    """Body and query are judged together, after it is clear that the body is JSON."""
    patch, wrong = None, []
    try:
        patch = _read_body(deps, request)
    except InvalidField as problem:
        wrong.append(problem)
    try:
        check()
    except InvalidField as problem:
        wrong.append(problem)
    if len(wrong) > 1:
        raise InvalidField.listing([error for problem in wrong for error in problem.errors])
    if wrong:
        raise wrong[0]
    return patch


def _read_body(deps: WriteDeps, request: WriteRequest) -> Any:
    if request.action == "archive":
        return None
    if request.action == "cancel":
        return decode_patch(request.body, OrderCancel)
    mapping = _likely_mapping(deps, request)
    try:
        patch = decode_patch(request.body, mapping.patch)
    except InvalidField as problem:
        raise _with_values(problem, mapping) from problem
    found = complaints(patch)
    if found:
        raise InvalidField.listing([FieldError(pointer=one.pointer, detail=one.detail) for one in found])
    return patch


def _likely_mapping(deps: WriteDeps, request: WriteRequest) -> AnyMapping:
    """The mapping that will be used, as far as the request alone tells; only its patch type matters, which all share,
    and which values its enums hold."""
    named = request.connection
    if named is None and request.identifier is not None and ":" in request.identifier:
        named = request.identifier.partition(":")[0]
    if named is not None and named in deps.connections.by_name:
        return choose_mapping(deps, deps.connections.by_name[named], request.object, request.revision)
    owner: ObjectName = "ticket" if request.object == "comment" else request.object
    return choose_mapping(deps, choose_connection(deps, owner, None), request.object, request.revision)


def _with_values(problem: InvalidField, mapping: AnyMapping) -> InvalidField:
    """A wrong enum value is answered with those that this connection can hold."""
    (error,) = problem.errors if len(problem.errors) == 1 else (None,)
    if error is None or not isinstance(error.pointer, str) or error.detail != NO_CHOICE:
        return problem
    values = writable_values(mapping, error.pointer.removeprefix("/").partition("/")[0])
    if not values:
        return problem
    detail = f"{error.detail}; one of: {', '.join(values)}"
    return InvalidField.at(error.pointer, detail)


def _refuse_action(deps: WriteDeps, connection: Connection, mapping: AnyMapping, action: Action) -> None:
    endpoints = mapping.endpoints
    able = {
        "create": endpoints.create,
        "comment": endpoints.create,
        "update": endpoints.update,
        "upsert": endpoints.upsert or endpoints.find,
        "archive": endpoints.archive,
        "cancel": endpoints.cancel,
    }
    if not able[action]:
        verb = "add comments to tickets" if action == "comment" else f"{action} {mapping.object}s"
        raise cannot(deps, connection, mapping.object, f"cannot {verb}")


def _upsert_key(
    deps: WriteDeps, connection: Connection, mapping: AnyMapping, request: WriteRequest
) -> UpsertKey | None:
    if request.action != "upsert":
        return None
    offered = UPSERT_KEYS[request.object]
    key = next((key for key in offered if key == request.upsert_on), None)
    if key is None:
        detail = f"one of: {', '.join(offered)}"
        raise InvalidField.of("upsert_on", detail)
    if key not in mapping.endpoints.upsert and key not in mapping.endpoints.find:
        raise cannot(deps, connection, mapping.object, f"cannot find a {mapping.object} by {key}")
    return key


def _upsert_value(key: UpsertKey, patch: Any) -> str:
    """The value that is matched on: the primary e-mail, or the caller's own key. Raises InvalidField without one."""
    if key == "external_id":
        value = patch.external_id
    else:
        emails = patch.emails if isinstance(patch.emails, tuple) else ()
        primary = [email for email in emails if email.is_primary is True] or list(emails[:1])
        value = primary[0].address.strip().lower() if primary else None
    if isinstance(value, str) and value:
        return value
    pointer = "/external_id" if key == "external_id" else "/emails"
    detail = f"is needed, because upsert_on={key} matches on it"
    raise InvalidField.at(pointer, detail)
