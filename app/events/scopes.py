"""The scopes needed to read an Event: those of the data that it shows, so that the feed reveals nothing that a read
refuses."""

from collections.abc import Collection, Iterable
from typing import Final, cast

from app.http.plurals import PLURAL
from canonical.parts import ObjectName

EVENTS_READ: Final = "events:read"
OBJECTS: Final[tuple[ObjectName, ...]] = ("customer", "order", "ticket")
READS: Final = tuple(f"{PLURAL[name]}:read" for name in OBJECTS)
BY_OBJECT: Final = ("operation.finished", "link.joined", "link.split", "copy.conflict", "copy.source_deleted")
"""Types whose Events concern one object each: that of the operation, link or copy."""
SHOWING_OBJECTS: Final = (*BY_OBJECT, "webhook.received")
"""Types whose objects differ between Events: their own, or those of the webhook's connection."""


def scopes_of(event_type: str, shows: Iterable[ObjectName] = ()) -> tuple[str, ...]:
    """Return the scopes that an Event of this type needs, all of them.

    `shows` are the objects in its data, if the type does not say. A comment needs its ticket's scope. An Event without
    an object needs `events:read`.
    """
    subject = event_type.partition(".")[0]
    if subject in OBJECTS:
        return (f"{PLURAL[subject]}:read",)
    shown = {"ticket" if name == "comment" else name for name in shows} if event_type in SHOWING_OBJECTS else ()
    return tuple(sorted(f"{PLURAL[cast(ObjectName, name)]}:read" for name in shown)) or (EVENTS_READ,)


def scopes_of_types(types: Iterable[str], shows: Collection[ObjectName]) -> tuple[str, ...]:
    """Return the scopes for all Events of these types, if webhooks and operations may show these objects."""
    return tuple(sorted({scope for name in types for scope in scopes_of(name, shows)}))


def may_read(event_type: str, held: Collection[str]) -> bool:
    """Return whether a key with these scopes, including `events:read`, can read any Event of this type."""
    if event_type in BY_OBJECT:
        return any(scope in held for scope in READS)
    return event_type == "webhook.received" or set(scopes_of(event_type)) <= set(held)
