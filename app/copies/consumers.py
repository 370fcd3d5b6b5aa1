"""Consumers: which changes go where, and the job that carries each there."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.copies import FAN_OUT
from app.events.models import Event
from app.http.plurals import PLURAL
from app.queue.models import NewJob
from app.settings.consumers import OBJECTS, WRITTEN, ConsumerSettings
from app.settings.ownership import Ownership
from app.settings.reading import SettingsError
from app.vendors.models import Connections
from canonical.parts import Link, ObjectName
from mappings.endpoints import UpsertKey
from mappings.manifest import Vendor
from mappings.registry import active, objects_of

CONSENTS: Final = "consents"


class Consumer(Struct, frozen=True, kw_only=True):
    """A connection that gets the changes of one object. `name` is the object and the connection: `customers:crm`."""

    name: str
    object: ObjectName
    connection: str
    sources: frozenset[str]
    fields: frozenset[str]  # empty: all
    match_on: UpsertKey | None
    creates: bool
    requires_consent: str | None
    follows_logins: bool
    archives: bool
    most_writes_per_minute: int


class FanOut(Struct, frozen=True, kw_only=True):
    """The payload of a `fan_out` job: a hint that a record changed, for one consumer. It holds no field of the record.
    `event` may also be the finding that its copy differs.

    `visited`: the connections that the change has come through or goes to directly, that of the record included.
    `archives`: the record was deleted, and its copy is archived.
    """

    event: str
    consumer: str
    object: ObjectName
    connection: str
    remote_id: str
    visited: tuple[str, ...]
    archives: bool = False


def load_consumers(
    settings: Sequence[ConsumerSettings], connections: Connections, realms: Mapping[str, str], ownership: Ownership
) -> Mapping[str, Consumer]:
    """Return the consumers by name.

    Raises SettingsError for one that cannot be written to or is in another realm, and for two that copy to each other
    fields without an owner: if both sides have changed such a field, nothing says which value counts.
    """
    loaded = [_load(one, connections, realms) for one in settings]
    for one, other in combinations(loaded, 2):
        _require_owners(one, other, ownership)
    return {one.name: one for one in loaded}


def _require_owners(one: Consumer, other: Consumer, ownership: Ownership) -> None:
    if one.object != other.object or one.connection not in other.sources or other.connection not in one.sources:
        return
    plural, owned = PLURAL[one.object], ownership[one.object].fields
    written = frozenset(WRITTEN[plural].__struct_encode_fields__)
    in_both = (one.fields or written) & (other.fields or written)
    lacking = sorted(name for name in in_both if owned[name].owner is None)
    if lacking:
        raise SettingsError(
            f"[[consumers]] {one.name} and {other.name} copy to each other, so each field that both copy needs an"
            f" owner: {', '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} none. Name one for {plural} in"
            f" [systems_of_record], or for single fields in [ownership.{plural}.fields], or leave them out of the"
            " `fields` of one consumer."
        )


def _load(one: ConsumerSettings, connections: Connections, realms: Mapping[str, str]) -> Consumer:
    name, object_name = f"{one.object}:{one.connection}", OBJECTS[one.object]
    target = connections.by_name[one.connection].vendor
    mapping = active(target, object_name)
    if not isinstance(target, Vendor) or mapping is None or not (mapping.endpoints.create or mapping.endpoints.update):
        raise SettingsError(f"[[consumers]] {name}: {target.title} has no {one.object} to write.")
    if one.on_delete == "archive" and mapping.endpoints.archive is None:
        raise SettingsError(f"[[consumers]] {name}: {target.title} cannot archive {one.object}: leave out on_delete.")
    near = {
        source.name
        for source in connections.by_name.values()
        if source.name != one.connection
        and realms.get(source.name) == realms.get(one.connection)
        and (object_name in objects_of(source.vendor.name) or (source.layout and source.layout.object == object_name))
    }
    far = sorted(set(one.sources) - near)
    if far:
        raise SettingsError(f"[[consumers]] {name}: {far[0]} has no {one.object}, or is in another realm.")
    return Consumer(
        name=name,
        object=object_name,
        connection=one.connection,
        sources=frozenset(one.sources or near),
        fields=frozenset(one.fields),
        match_on=one.match_on,
        creates=one.on_missing == "create",
        requires_consent=one.requires_consent,
        follows_logins=one.logins == "follow",
        archives=one.on_delete == "archive",
        most_writes_per_minute=one.most_writes_per_minute,
    )


def fan_outs_of(
    consumers: Mapping[str, Consumer],
    event: Event,
    changed: tuple[str, ...] | None,
    recipients: Collection[str] | None = None,
) -> Sequence[NewJob]:
    """Return a job for each consumer that the Event concerns, of the `recipients` if there are any. None goes to a
    connection that it has visited."""
    object_name, _, what = event.type.partition(".")
    if what not in ("created", "updated") or event.record is None or event.connection is None:
        return ()
    near = [
        one
        for one in consumers.values()
        if one.object == object_name
        and event.connection in one.sources
        and one.connection not in event.visited
        and (recipients is None or f"consumer:{one.name}" in recipients)
    ]
    # What is on its way to a consumer directly must not come again from another one, with that one's losses.
    visited = tuple(dict.fromkeys((*event.visited, *(one.connection for one in near))))
    source = Link(connection=event.connection, remote_id=event.record.partition(":")[2])
    return [
        replace(
            job_of(fan_out_to(one, source, cause=event.id, visited=visited), one.connection, came=event.visited),
            correlation_id=event.correlation_id,
            traceparent=event.traceparent,
        )
        for one in near
        if what == "created" or _concerns(one, changed)
    ]


def _concerns(consumer: Consumer, changed: tuple[str, ...] | None) -> bool:
    """Return whether a field that the consumer gets has changed. A consent matters to one that requires it."""
    if not consumer.fields or changed is None:
        return True
    return any(name in consumer.fields or (name == CONSENTS and consumer.requires_consent) for name in changed)


def fan_out_to(consumer: Consumer, source: Link, *, cause: str, visited: tuple[str, ...]) -> FanOut:
    """Return the fan-out of a record because of the event or finding `cause`."""
    return FanOut(
        event=cause,
        consumer=consumer.name,
        object=consumer.object,
        connection=source.connection,
        remote_id=source.remote_id,
        visited=visited,
    )


def job_of(fan_out: FanOut, target: str, *, came: tuple[str, ...]) -> NewJob:
    """Return the job of a fan-out of a change that has come through the connections `came`."""
    # Waiting jobs of one record that came the same way are one group: the first to run supersedes the others.
    group = hashlib.sha256("\0".join(came).encode()).hexdigest()[:16]
    return NewJob(
        kind=FAN_OUT,
        payload=msgspec.json.encode(fan_out),
        connection=target,
        order_key=order_key_of(fan_out),
        dedupe_key=f"{group} {fan_out.event}",
        origin=fan_out.event,
    )


def order_key_of(fan_out: FanOut) -> str:
    """Return the order key of all fan-outs of its record."""
    return f"copy:{fan_out.object}:{fan_out.connection}:{fan_out.remote_id}"
