"""A write as its caller sent it, and its body: decoded, checked field by field, and made portable.

What a body clears by accident counts as absent, and each vendor's id in it has its connection.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from app.errors import InvalidField
from app.http.decode_body import NO_CHOICE, DecodedBody, decode_sent
from app.http.headers import NamedRevision
from app.http.nearest_name import did_you_mean
from app.http.plurals import PLURAL
from app.problem_document import FieldError
from app.records.resolve import choose_connection, choose_mapping
from app.vendors.models import Connection
from app.writes.copy_models import CopyOf
from app.writes.deps import WriteDeps
from app.writes.models import Intent, Missing, NewOperation
from app.writes.store.copy_bases import KnownBase
from app.writes.tags import read_change
from canonical.classes import LossPolicy
from canonical.order_body import completed
from canonical.order_patch import OrderCancel, OrderPatch
from canonical.output_only import READING
from canonical.parts import Loss, ObjectName
from canonical.portable import MERGED, SNAPSHOTS, origin_of, without_clearing
from canonical.references import references_of, vendor_ids, with_source
from canonical.ticket import CommentPatch, TicketPatch
from canonical.totals import unreadable_amounts
from canonical.validate import patch_errors
from mappings.coverage import coverage, writable_values
from mappings.endpoints import Action
from mappings.kit.html import has_words
from mappings.registry import AnyMapping

T = TypeVar("T")
CREATING: Final = frozenset({"create", "upsert", "comment"})
"""The verbs that never clear a field."""
TEXTS: Final = (("description", "description_html"), ("body_text", "body_html"))
"""The texts of a ticket and of a comment, each as plain text and as HTML."""
NO_COUNTRY: Final = "it is no country with a code, and only the system that the record comes from has its name"
BLANK: Final = "blank space alone counts as no value"
NO_AMOUNT: Final = 'not an amount: send a decimal string such as "39.80", or leave it out'


class WriteRequest(Struct, frozen=True, kw_only=True):
    """A write as the caller sent it.

    `identifier` is the `{id}` of the record, or of the ticket for a comment. `query_errors` is what is wrong with
    the query; it is reported together with the errors of the body. `respond_async`: answer 202, and call `callback`
    later if given. `wait` is how many seconds the caller waits, if they say. `revision` is the one to draft with,
    for a dry run. `unless_found`: an upsert leaves a record that exists as it is. `edits_tags`: the body adds and
    removes tags. `missing`: what happens with a person who is missing. `writer` is who changes the record: the
    connection that the values come from, `key:<name>`, or `person`. `written_at` is when its values were as they
    are sent, if not now. `copy_of`: the body is that record as it was read, `lost` is what the copy loses beyond
    it, and `base` is the base of the copy as it was before the read, None without a link. `needs_approval`: another
    principal has to approve it; `caller` is the name of the key.
    """

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
    unless_found: bool = False
    loss: LossPolicy = "descriptive"
    if_match: str | None = None
    body: bytes = b""
    respond_async: bool = False
    callback: str | None = None
    wait: float | None = None
    revision: NamedRevision | None = None
    query_errors: tuple[FieldError, ...] = ()
    edits_tags: bool = False
    missing: Missing = "unscoped"
    writer: str = ""
    written_at: datetime | None = None
    copy_of: CopyOf | None = None
    lost: tuple[Loss, ...] = ()
    base: KnownBase | None | UnsetType = UNSET
    needs_approval: bool = False
    caller: str = ""


class PortableBody(Struct, frozen=True, kw_only=True):
    """A body for one connection: what to write, whether lists are merged with those of the record, and what is lost
    already: parts of a new order that went into another field, the HTML of a text. `emptied` fields have no value and
    count as absent."""

    patch: Any
    body: bytes
    ignored: tuple[str, ...] = ()
    merges: bool = False
    lost: tuple[Loss, ...] = ()
    emptied: tuple[str, ...] = ()


class ReadBody(Struct, frozen=True, kw_only=True):
    """A decoded body, and the connection and mapping that the request alone suggests; None where nothing of them was
    needed to read it."""

    sent: DecodedBody[Any]
    connection: Connection | None = None
    mapping: AnyMapping | None = None


def new_operation(request: WriteRequest, intent: Intent, operation_id: str, traceparent: str | None) -> NewOperation:
    """Return the operation of a request that has not been sent."""
    return NewOperation(
        id=operation_id,
        principal=request.principal,
        key=request.key,
        fingerprint=request.fingerprint,
        correlation_id=request.correlation_id,
        traceparent=traceparent,
        intent=intent,
        phase="received",
        callback=request.callback,
    )


def read_with_query(request: WriteRequest, read: Callable[[], T]) -> T:
    """Return what `read` makes of the body. Once the body is known to be JSON, its errors and the query's are raised
    together."""
    try:
        body = read()
    except InvalidField as problem:
        if not request.query_errors:
            raise
        raise InvalidField.listing([*problem.errors, *request.query_errors]) from problem
    if request.query_errors:
        raise InvalidField.listing(request.query_errors)
    return body


def read_body(deps: WriteDeps, request: WriteRequest) -> ReadBody:
    """Decode the body. Raises MalformedBody, and InvalidField for what is wrong with its fields.

    Of the mapping, only its patch type counts, which all mappings of an object share, and its enum values.
    """
    if request.action == "archive":
        return ReadBody(sent=DecodedBody(patch=None))
    if request.action == "cancel":
        return ReadBody(sent=decode_sent(request.body, OrderCancel))
    if request.edits_tags:
        return ReadBody(sent=DecodedBody(patch=read_change(request.body)))
    connection = _likely_connection(deps, request)
    mapping = choose_mapping(deps, connection, request.object, request.revision)
    try:
        sent = decode_sent(request.body, mapping.patch)
    except InvalidField as problem:
        raise _with_values(problem, mapping) from problem
    errors = [FieldError(pointer=one.pointer, detail=one.detail) for one in patch_errors(sent.patch)]
    if request.object == "order" and request.action in ("create", "upsert"):
        errors += [FieldError(pointer=one, detail=NO_AMOUNT) for one in unreadable_amounts(sent.totals)]
    known = deps.connections.custom_keys.get(request.object, frozenset())
    errors += [
        _unknown_key(pointer, key, request.object, known) for pointer, key in _keys_in(sent.patch) if key not in known
    ]
    if errors:
        raise InvalidField.listing(errors)
    return ReadBody(sent=sent, connection=connection, mapping=mapping)


def _likely_connection(deps: WriteDeps, request: WriteRequest) -> Connection:
    """Return the connection that the request alone suggests, before its record is looked up."""
    named = request.connection
    if named is None and request.identifier is not None and ":" in request.identifier:
        named = request.identifier.partition(":")[0]
    if named is not None and named in deps.connections.by_name:
        return deps.connections.by_name[named]
    return choose_connection(deps, "ticket" if request.object == "comment" else request.object, None)


def _with_values(problem: InvalidField, mapping: AnyMapping) -> InvalidField:
    """Add the values that this connection can hold to the error about a wrong enum value."""
    (error,) = problem.errors if len(problem.errors) == 1 else (None,)
    if error is None or not isinstance(error.pointer, str) or not error.detail.startswith(NO_CHOICE):
        return problem
    values = writable_values(mapping, error.pointer.removeprefix("/").partition("/")[0])
    if not values:
        return problem
    return InvalidField.at(error.pointer, f"{NO_CHOICE}: {', '.join(values)}")


def _unknown_key(pointer: str, key: str, object_name: ObjectName, known: Collection[str]) -> FieldError:
    """Return the error about the key of a custom field that is not `known`, with the nearest key."""
    detail = f"no connection configures a custom field {key[:80]!r} of {PLURAL[object_name]}."
    nearest = did_you_mean(key, known) or (f" Configured: {', '.join(sorted(known))}." if known else "")
    return FieldError(pointer=pointer, detail=f"{detail}{nearest}")


def _keys_in(patch: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Yield the pointer and the key of each custom field of the record and its lines."""
    for place, field in enumerate(getattr(patch, "custom_fields", None) or ()):
        yield f"{pointer}/custom_fields/{place}/key", field.key
    for place, line in enumerate(getattr(patch, "line_items", None) or ()):
        yield from _keys_in(line, f"{pointer}/line_items/{place}")


def make_portable(
    sent: DecodedBody[Any],
    body: bytes,
    mapping: AnyMapping,
    *,
    action: Action,
    target: str,
    copies: bool = False,
) -> PortableBody:
    """Return the body for the connection `target`. `copies`: it is a copy, whose bodies are compared."""
    patch: Any = sent.patch
    if type(patch) not in READING:
        return PortableBody(patch=patch, body=body, ignored=sent.ignored)
    origin, creates = origin_of(sent.meta), action in CREATING
    is_foreign = origin.connection not in (None, target)
    if creates or is_foreign:
        patch = without_clearing(patch)
    elif origin.missing:
        patch = without_clearing(patch, lambda name: name not in origin.missing)
    absent = [name for name in patch.__struct_fields__ if getattr(patch, name) is UNSET]
    emptied = tuple(name for name in absent if getattr(sent.patch, name) is not UNSET)
    _refuse_unplaced(patch, origin.connection)
    patch = with_source(patch, origin.connection)
    lost = tuple(Loss(path=f"/{name}", kind="coerced", detail=BLANK) for name in emptied if _is_space(sent.patch, name))
    if (creates or is_foreign) and b'"country_raw"' in body:
        lost += tuple(_unknown_countries(body))
    if isinstance(patch, TicketPatch | CommentPatch):
        patch, other_form = _one_text(patch, mapping)
        lost += other_form
    if (creates or copies) and isinstance(patch, OrderPatch):
        try:
            whole = completed(patch, sent.totals, total_counts=origin.total_counts)
        except ValueError as error:
            raise InvalidField.at("/totals", f"adds up to {error}") from error
        patch, lost = whole.patch, (*lost, *whole.folded)
    return PortableBody(
        patch=patch,
        body=body if patch is sent.patch and not sent.ignored else msgspec.json.encode(patch),
        ignored=sent.ignored,
        # Without a key, a create finds no record to merge with; the copy of a linked one does.
        merges=(creates or is_foreign)
        and (action != "create" or copies)
        and any(
            getattr(patch, name, UNSET) not in (UNSET, None, ())
            for name in (*MERGED, *(SNAPSHOTS if is_foreign else ()))
        ),
        lost=lost,
        emptied=emptied,
    )


class _Country(Struct):
    country_code: str | None = None
    country_raw: Any = None


class _Countries(Struct):
    addresses: tuple[_Country, ...] | None = None
    billing_address: _Country | None = None
    shipping_address: _Country | None = None


def _unknown_countries(body: bytes) -> Iterator[Loss]:
    """Yield the countries of a record that was read which have a name and no code."""
    sent = msgspec.json.decode(body, type=_Countries)
    places = [(f"/addresses/{place}", one) for place, one in enumerate(sent.addresses or ())]
    for pointer, one in [*places, *((f"/{name}", getattr(sent, name)) for name in SNAPSHOTS)]:
        if one is not None and one.country_raw and not one.country_code:
            yield Loss(path=f"{pointer}/country_code", kind="dropped", detail=NO_COUNTRY)


def _is_space(patch: Struct, name: str) -> bool:
    text = getattr(patch, name)
    return isinstance(text, str) and text.isspace()


def _refuse_unplaced(patch: Struct, source: str | None) -> None:
    """Raise InvalidField for a vendor's id of an unknown connection."""
    if source is not None:
        return
    detail = 'has no connection: send connection with it, or send id as "<connection>:<vendor id>"'
    errors = [
        FieldError(pointer=f"{pointer}/{name}", detail=detail)
        for pointer, one in references_of(patch)
        if one.connection is None
        for name in vendor_ids(one)
    ]
    if errors:
        raise InvalidField.listing(errors)


def _one_text(patch: Any, mapping: AnyMapping) -> tuple[Any, tuple[Loss, ...]]:
    """Return the patch with a text in one form, where it has it as HTML as well: in the one that the vendor stores. It
    stores HTML if reads have it. Return what of the other form is lost."""
    lost = tuple[Loss, ...]()
    for text, html in TEXTS:
        plain, marked = getattr(patch, text, None), getattr(patch, html, None)
        if isinstance(plain, str) and isinstance(marked, str):
            stored = any(row.field == html and row.reads and row.creates for row in coverage(mapping))
            patch = replace(patch, **{text if stored else html: UNSET})
            if not stored:
                detail = f"plain text is stored there: {text} is written, without the formatting of the HTML"
                lost += (Loss(path=f"/{html}", kind="coerced", detail=detail),)
            elif not has_words(marked, plain):
                detail = f"one message is stored there: {html} is written, which has other words"
                lost += (Loss(path=f"/{text}", kind="coerced", detail=detail),)
    return patch, lost


def without_fields(lost: tuple[Loss, ...], body: bytes, smaller: bytes) -> tuple[Loss, ...]:
    """Return what is lost of a body that was cut to some of its fields: a text in its other form and an amount that was
    folded go with the field that has them. What is of no field of the body stays."""
    before, after = (msgspec.json.decode(one, type=dict[str, msgspec.Raw]).keys() for one in (body, smaller))
    return tuple(one for one in lost if not (of := _fields_of(one)) & before or of & after)


def _fields_of(lost: Loss) -> set[str]:
    """Return the fields that have a lost value, in any form."""
    names = {pointer.split("/")[1] for pointer in (lost.path, lost.place) if isinstance(pointer, str)}
    return names.union(*(forms for forms in TEXTS if not names.isdisjoint(forms)))
