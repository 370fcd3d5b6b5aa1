"""Resolve a write, once: its connection, mapping and record, and a body in which every field is well-formed.

A new write is resolved from the caller's request. A queued or interrupted one is resolved from its recorded intent, at
its recorded revision.
"""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from app.errors import Erased, InvalidField, UnsupportedAction
from app.http.decode_body import DecodedBody
from app.ownership.verdict import depends_on_record, may_write
from app.problem_document import Problem
from app.records.fetch import fetch_raw, fetch_record
from app.records.map_record import Reading, as_vendor_drift, map_record
from app.records.refusals import problem_of_refusal
from app.records.resolve import cannot, choose_connection, choose_mapping, resolve_record
from app.settings.ownership import PERSON
from app.vendors.models import Connection, VendorRefused
from app.writes.deps import WriteDeps
from app.writes.models import Intent
from app.writes.operation_view import changed_fields
from app.writes.request import WriteRequest, make_portable, read_body, read_with_query, without_fields
from app.writes.store.copy_bases import KnownBase
from app.writes.tags import can_write_tags
from canonical import values
from canonical.parts import FieldOwnership, ObjectName
from canonical.portable import origin_of
from canonical.totals import stated
from canonical.values import decimal_string
from mappings.endpoints import Action, UpsertKey
from mappings.http import VendorReply, VendorRequest
from mappings.registry import AnyMapping
from mappings.spec import Mapped

UPSERT_KEYS: Final[dict[ObjectName, tuple[UpsertKey, ...]]] = {
    "customer": ("email", "external_id"),
    "order": ("external_id",),
    "ticket": ("external_id",),
    "comment": (),
}


class PresentRecord:
    """The vendor's bytes of a record, and the account facts for mapping it. Decoded and mapped once, on demand."""

    def __init__(self, resolved: "ResolvedWrite", remote_id: str, raw: msgspec.Raw, account: Any) -> None:
        self.remote_id = remote_id
        self.raw = raw
        self.account = account
        self._deps, self._connection, self._mapping = resolved.deps, resolved.connection, resolved.mapping
        self._reading: Reading | None = None

    @cached_property
    def decoded(self) -> Any:
        """The record as its wire Struct. Raises VendorDrifted."""
        with as_vendor_drift(self._deps, self._connection, self._mapping, self.raw):
            return self._mapping.decode(self.raw)

    @property
    def known(self) -> Mapped[Any] | None:
        """The mapped record, if it was mapped already."""
        return None if self._reading is None else self._reading.mapped

    async def read(self) -> Reading:
        """Return the mapped record. Raises VendorDrifted."""
        if self._reading is None:
            self._reading = await map_record(self._deps, self._connection, self._mapping, self.raw, self.account)
        return self._reading

    async def mapped(self) -> Mapped[Any]:
        """Return the mapped record alone, whole: a write merges with it. Raises VendorDrifted."""
        reading = await self.read()
        return reading.whole or reading.mapped


class ResolvedWrite(Struct, frozen=True):
    """One write with its connection and mapping. `deadline` is on the clock of `time.monotonic`.

    `dry`: nothing will be sent, so its draft is not offered to a shadow. `redriven`: an operator runs it again after a
    refusal. `related`: the customers that were read for it; `decoded`: its bodies, each decoded once. All copies of it
    share both.
    `resends`: it may have been sent before, so the ownership of its fields refuses nothing any more. `whole`: the body
    of a copy before it was merged with its target. `base`: as in the request, unset for a write that was recorded.
    """

    deps: WriteDeps
    connection: Connection
    mapping: AnyMapping
    intent: Intent
    deadline: float
    dry: bool = False
    redriven: bool = False
    resends: bool = False
    whole: bytes | None = None
    base: KnownBase | None | UnsetType = UNSET
    related: list[msgspec.Raw] = []
    decoded: dict[bytes, Any] = {}

    @property
    def by(self) -> frozenset[str]:
        """Who changes the record."""
        redriven = self.redriven or self.intent.redriven
        writers = {self.intent.writer, PERSON} if redriven else {self.intent.writer}
        return frozenset(writers - {""})

    @property
    def is_judged(self) -> bool:
        """Whether anyone but its owner may be kept from writing a field of the object."""
        ownership = self.deps.ownership.get("ticket" if self.intent.object == "comment" else self.intent.object)
        return ownership is not None and ownership.is_checked

    @property
    def owned(self) -> Mapping[str, FieldOwnership]:
        """The ownership of the fields that the write changes, where the verdict on a change depends on the record."""
        ownership = self.deps.ownership.get("ticket" if self.intent.object == "comment" else self.intent.object)
        if ownership is None or not ownership.is_checked:
            return {}
        target = self.connection.name
        return {
            name: policy
            for name in changed_fields(self.intent)
            if (policy := ownership.fields.get(name)) is not None and depends_on_record(policy, self.by, target)
        }

    @property
    def forbids_new(self) -> FieldOwnership | None:
        """The ownership of the object, if the writer may not create its records; None if they may."""
        ownership = self.deps.ownership.get(self.intent.object)
        policy = None if ownership is None else ownership.default
        if policy is None or policy.anyone_else is None or may_write(policy, self.by, self.connection.name):
            return None
        return policy

    def with_only(self, fields: frozenset[str]) -> "ResolvedWrite":
        """Return the write of these fields alone."""
        if self.intent.edits_tags:
            return self
        body = msgspec.json.decode(self.intent.body, type=dict[str, msgspec.Raw])
        kept = msgspec.json.encode({name: value for name, value in body.items() if name in fields})
        return self._with_body(kept)

    @property
    def patch(self) -> Any:
        """The fields that the write changes."""
        body = self.intent.body
        if body not in self.decoded:
            self.decoded[body] = msgspec.json.decode(body, type=self.mapping.patch)
        return self.decoded[body]

    @property
    def as_whole(self) -> "ResolvedWrite":
        """Return the write with the whole body of a copy."""
        if self.whole is None:
            return self
        return replace(self, intent=replace(self.intent, body=self.whole))

    def with_merged(self, body: bytes) -> "ResolvedWrite":
        """Return the write of a copy with the body that a merge made of it."""
        whole = self.intent.body if self.whole is None else self.whole
        write = self._with_body(body)
        return replace(write, whole=whole, intent=replace(write.intent, merges=False))

    def _with_body(self, body: bytes) -> "ResolvedWrite":
        """Return the write with another body, and without what is lost of fields that only the former one has."""
        intent = self.intent
        lost = without_fields(intent.lost, intent.body, body) if intent.lost else ()
        return replace(self, intent=replace(intent, body=body, lost=lost))

    @property
    def as_planned(self) -> "ResolvedWrite":
        """Return a write that may have been sent with the body that was planned then."""
        copied = self.intent.copy_of
        return self if copied is None or copied.plan is None else self.with_merged(copied.plan.body)

    @property
    def lock(self) -> str | None:
        """The value to lock while the write reads first: a unique key, or the tags of a record. None for no lock."""
        if self.intent.action == "upsert":
            return f"{self.intent.upsert_on}={self.intent.upsert_value}"
        return f"tags={self.intent.remote_id}" if self.intent.edits_tags else None

    @property
    def is_queued(self) -> bool:
        """Whether writes of this object always go through the queue. Comments are queued with tickets."""
        return ("ticket" if self.intent.object == "comment" else self.intent.object) in self.deps.queued_writes

    @property
    def refers(self) -> bool:
        """Whether the object refers to other records: its people, products or orders."""
        return self.intent.object in ("order", "ticket")

    @property
    def needs_only_account(self) -> bool:
        """Whether the request can be drafted from account facts, without reading a record. References may still need a
        read (`resolve_references.needs_look_up`)."""
        return self.intent.action in ("create", "comment") and self.intent.copy_of is None

    async def account(self, max_age: float | None = None) -> Any:
        """Return the account facts, cached by the client for at most `max_age` seconds if given, with the settings of
        the connection and what was read for this write."""
        account = await self.deps.vendors.account(
            self.connection, deadline=self.deadline, object_name=self.mapping.object, max_age=max_age
        )
        with_related = self.mapping.endpoints.with_related
        if with_related is None:
            return account
        references = self.intent.references
        return with_related(account, self.connection.options, {} if references is None else references.related)

    async def send(self, request: VendorRequest) -> VendorReply:
        """Send a request. Raises like `VendorClient.send`."""
        return await self.deps.vendors.send(
            self.connection, request, deadline=self.deadline, object_name=self.mapping.object
        )

    async def fetch_present(self, remote_id: str) -> PresentRecord:
        """Read the record that the write changes. Raises like `records.fetch.fetch_raw`."""
        raw, account = await fetch_raw(self.deps, self.connection, self.mapping, remote_id, self.deadline)
        return PresentRecord(self, remote_id, raw, account)

    async def fetch(self, remote_id: str) -> Reading:
        """Read and map a record. Raises like `records.fetch.fetch_record`."""
        return await fetch_record(
            self.deps, self.connection, self.mapping, remote_id, self.deadline, customers=tuple(self.related)
        )

    def as_drift(self) -> AbstractContextManager[None]:
        """Turn a reply that does not fit the wire Structs into VendorDrifted."""
        return as_vendor_drift(self.deps, self.connection, self.mapping)

    def cannot(self, what: str) -> UnsupportedAction:
        """Return the problem for an action that this connection lacks."""
        return cannot(self.deps, self.connection, self.mapping.object, what)

    def problem_of(self, refused: VendorRefused) -> Problem:
        """Return the problem for a refusal of this write."""
        intent = self.intent
        is_copy, key = intent.copy_of is not None, intent.upsert_on
        return problem_of_refusal(self.connection, refused, self.mapping.object, matched_on=key, is_copy=is_copy)


def fingerprint(*parts: bytes) -> bytes:
    """Return the SHA-256 over the parts of a request, each with its length, so that no two splits are equal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


async def resolve_request(
    deps: WriteDeps, request: WriteRequest, deadline: float, *, dry: bool = False
) -> ResolvedWrite:
    """Resolve a caller's request. Raises MalformedBody, InvalidField, NotFound, UnsupportedAction, Erased."""
    # The body is judged before the record is looked up, with the connection that the request itself names.
    read = read_with_query(request, partial(read_body, deps, request))
    remote_id = parent = canonical_id = None
    if request.identifier is None:
        connection = read.connection
        if connection is None or request.connection not in (None, connection.name):
            connection = choose_connection(deps, request.object, request.connection)
    else:
        owner: ObjectName = "ticket" if request.object == "comment" else request.object
        target = await resolve_record(deps, owner, request.identifier, request.connection)
        connection, canonical_id = target.connection, target.canonical_id
        if request.object == "comment":
            parent = target.remote_id
        else:
            remote_id = target.remote_id
    mapping = read.mapping
    if mapping is None or connection is not read.connection:
        mapping = choose_mapping(deps, connection, request.object, request.revision)
    if not _can(request.action, mapping):
        verb = "add comments to tickets" if request.action == "comment" else f"{request.action} {mapping.object}s"
        raise cannot(deps, connection, mapping.object, f"cannot {verb}", partial(_can, request.action))
    if request.edits_tags and not can_write_tags(mapping):
        what = f"cannot change the tags of {mapping.object}s"
        raise cannot(deps, connection, request.object, what, can_write_tags)
    key = _upsert_key(deps, connection, mapping, request) if request.action == "upsert" else None
    sent = make_portable(
        read.sent,
        request.body,
        mapping,
        action=request.action,
        target=connection.name,
        copies=request.copy_of is not None,
    )
    intent = Intent(
        object=request.object,
        action=request.action,
        connection=connection.name,
        revision=mapping.revision,
        instance=request.instance,
        remote_id=remote_id,
        parent=parent,
        canonical_id=canonical_id,
        upsert_on=key,
        upsert_value=None if key is None else _upsert_value(key, sent.patch),
        unless_found=request.unless_found,
        loss=request.loss,
        ignored=sent.ignored if request.copy_of is None else (),
        lost=request.lost + sent.lost,
        merges=sent.merges,
        if_match=request.if_match,
        body=sent.body,
        edits_tags=request.edits_tags,
        missing="guest" if read.sent.is_guest else request.missing,
        writer=request.writer,
        written_at=request.written_at or origin_of(read.sent.meta).updated_at,
        copy_of=request.copy_of,
        total=_total(read.sent) if request.object == "order" and request.action != "cancel" else None,
        emptied=sent.emptied,
        sent=b"" if request.copy_of is not None or sent.body is request.body else request.body,
    )
    if deps.erased.digests:
        _refuse_erased(deps, intent)
    return ResolvedWrite(deps, connection, mapping, intent, deadline, dry=dry, base=request.base)


def _refuse_erased(deps: WriteDeps, intent: Intent) -> None:
    if intent.object == "customer" and deps.erased.has_record("customer", intent.connection, intent.remote_id):
        raise Erased("This customer was erased here.")
    if deps.erased.names_one(intent.body):
        raise Erased("The body names a person who was erased here.")


def _total(sent: DecodedBody[Any]) -> str | None:
    total = stated(sent.totals, "total")
    return None if total is None else decimal_string(total)


def resolve_recorded(deps: WriteDeps, intent: Intent, deadline: float) -> ResolvedWrite:
    """Resolve a recorded intent at its recorded revision.

    Raises UnsupportedAction if the configuration no longer has the connection or the mapping.
    """
    connection = deps.connections.by_name.get(intent.connection)
    if connection is None:
        raise UnsupportedAction(f"The connection {intent.connection} is no longer configured.")
    mapping = choose_mapping(deps, connection, intent.object, intent.revision)
    return ResolvedWrite(deps, connection, mapping, intent, deadline)


def _can(action: Action, mapping: AnyMapping) -> bool:
    endpoints = mapping.endpoints
    able = {
        "create": endpoints.create,
        "comment": endpoints.create,
        "update": endpoints.update,
        "upsert": endpoints.upsert or endpoints.find,
        "archive": endpoints.archive,
        "cancel": endpoints.cancel,
    }
    return bool(able[action])


def _upsert_key(deps: WriteDeps, connection: Connection, mapping: AnyMapping, request: WriteRequest) -> UpsertKey:
    offered = UPSERT_KEYS[request.object]
    key = next((key for key in offered if key == request.upsert_on), None)
    if key is None:
        detail = f"one of: {', '.join(offered)}"
        raise InvalidField.of("upsert_on", detail)
    if not finds_by(key, mapping):
        raise cannot(
            deps, connection, mapping.object, f"cannot find a {mapping.object} by {key}", partial(finds_by, key)
        )
    return key


def finds_by(key: UpsertKey, mapping: AnyMapping) -> bool:
    """Return whether an upsert through this mapping can find a record by the key."""
    return key in mapping.endpoints.upsert or key in mapping.endpoints.find


def _upsert_value(key: UpsertKey, patch: Any) -> str:
    """Return the value to match on: the primary e-mail, or the caller's own key. Raises InvalidField without one."""
    if key == "external_id":
        value = patch.external_id
    else:
        emails = patch.emails if isinstance(patch.emails, tuple) else ()
        primary = [email for email in emails if email.is_primary is True] or list(emails[:1])
        value = values.email(primary[0].address) if primary else None
    if isinstance(value, str) and value:
        return value
    pointer = "/external_id" if key == "external_id" else "/emails"
    detail = f"is needed, because upsert_on={key} matches on it"
    raise InvalidField.at(pointer, detail)
