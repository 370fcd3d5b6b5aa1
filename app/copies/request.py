"""Build the write that copies a record to another connection, as if a caller had sent the record that was read."""

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import Struct

from app.copies.source import SourceRecord
from app.records.deps import RecordDeps
from app.records.resolve import choose_mapping
from app.vendors.models import Connection
from app.writes.copy_links import KnownCopy
from app.writes.copy_models import CopyOf, NextJob
from app.writes.request import WriteRequest
from app.writes.resolved_write import finds_by
from canonical.parts import Loss, ObjectName
from mappings.endpoints import UpsertKey
from mappings.manifest import Vendor

MATCHED: Final[dict[UpsertKey, str]] = {"email": "emails", "external_id": "external_id"}
"""The field that each key is in. It is always copied: a later copy could not find the record without it."""
NOT_AS_IS: Final = ("dropped", "truncated", "folded")
"""The kinds of loss at the source after which an empty field says nothing."""


class Copy(Struct, frozen=True, kw_only=True):
    """A copy to make. `known`: what was known of it before the record was read. `only`: these fields; None for all.

    `creates`: a missing record is created. `notify`: the vendor may send messages. `consumer`, `follows_logins` and
    `visited` as in `CopyOf`. `lost`: what the copy loses beyond its fields.
    """

    target: Connection
    known: KnownCopy
    match_on: UpsertKey | None
    creates: bool
    visited: tuple[str, ...]
    only: Collection[str] | None = None
    consumer: str | None = None
    follows_logins: bool = False
    notify: bool = False
    next_job: NextJob | None = None
    lost: tuple[Loss, ...] = ()


def request_of(deps: RecordDeps, request: WriteRequest, source: SourceRecord, copy: Copy) -> WriteRequest:
    """Return the write of a copy: an update where the record is linked, an upsert by the key, or a create.

    `request` says for whom and under which key. Raises UnsupportedAction if the target has no such objects.
    """
    target, object_name = copy.target, request.object
    mapping = choose_mapping(deps, target, object_name)
    lost = message_loss(target, object_name, notify=copy.notify) + copy.lost
    linked = copy.known.remote_id
    key = copy.match_on if linked is None else None
    if key is not None and not source.fields.get(MATCHED[key]):
        key = None  # the record has nothing to match on
    elif key is not None and copy.creates and not finds_by(key, mapping):
        detail = f"{target.vendor.title} cannot find a {object_name} by {key}, so it was created without a look"
        lost += (Loss(path="/match_on", kind="ambiguous", detail=detail),)
        key = None
    only = copy.only if copy.only is None or key is None else {*copy.only, MATCHED[key]}
    creates = linked is None and key is None and copy.creates
    names = tuple(name for name in source.fields if name in mapping.patch.__struct_encode_fields__)
    names = names if only is None else tuple(name for name in names if name in only)
    return msgspec.structs.replace(
        request,
        action="upsert" if key is not None else "create" if creates else "update",
        identifier=None if linked is None else f"{target.name}:{linked}",
        connection=target.name,
        upsert_on=key,
        body=_body_of(source, names, is_whole=only is None),
        lost=lost,
        base=copy.known.base,
        writer=source.connection,
        copy_of=CopyOf(
            connection=source.connection,
            remote_id=source.remote_id,
            canonical_id=source.id,
            names=names,
            missing=_missing(source),
            creates=copy.creates,
            visited=copy.visited,
            next_job=copy.next_job,
            consumer=copy.consumer,
            follows_logins=copy.follows_logins,
        ),
    )


def message_loss(target: Connection, object_name: ObjectName, *, notify: bool) -> tuple[Loss, ...]:
    """Return the loss of `notify: false` where the vendor decides by itself whom it writes to."""
    if notify or not isinstance(target.vendor, Vendor) or object_name not in target.vendor.notifies:
        return ()
    detail = f"{target.vendor.title} sends messages by the rules of its account, and no request can suppress them"
    return (Loss(path="/notify", kind="dropped", detail=detail),)


def _body_of(source: SourceRecord, names: Collection[str], *, is_whole: bool) -> bytes:
    """Return the fields of a record as JSON, with the `meta` that makes the body portable."""
    sent = {name: source.fields[name] for name in names}
    if source.fields.get("is_guest") is True:  # no customer is created for a guest
        sent["is_guest"] = True
    if is_whole and "totals" in source.fields:  # a part adds up to something else
        sent["totals"] = source.fields["totals"]
    return msgspec.json.encode({**sent, "meta": {"connection": source.connection, **source.origin}})


def _missing(source: SourceRecord) -> frozenset[str]:
    """Return the fields that the source could not supply, or not as they are: an empty one says nothing."""
    lost = [one for one in source.origin.get("loss", ()) if one["kind"] in NOT_AS_IS]
    paths = [path for one in lost for path in (one["path"], one.get("place")) if path]
    return frozenset(path.split("/")[1] for path in paths if path.startswith("/")) | {*source.origin["unsupported"]}
