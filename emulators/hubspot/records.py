"""Records: storage, look-up and their form in answers."""

from typing import Any

from emulators.addresses import folded
from emulators.hubspot.errors import PORTAL_ID, Refusal, contact_exists, no_such_record, value_taken
from emulators.hubspot.kinds import CONTACTS, Kind
from emulators.hubspot.values import instant_at
from emulators.state import State

Record = dict[str, Any]

FIRST_ID = 734931000001


def indexed(kind: Kind) -> str:
    """Return the name under which the state keeps what the search index still has of a changed record."""
    return f"{kind.name}.indexed"


def merged(kind: Kind) -> str:
    """Return the name under which the state keeps the targets of merged records."""
    return f"{kind.name}.merged"


def new_id(kind: Kind, state: State) -> str:
    """Return a number as a string, larger than any 32-bit number. Object types share the counter, so ids look alike."""
    return str(state.next_id("record", FIRST_ID))


def unique_properties(kind: Kind, state: State) -> list[str]:
    """Return the properties with a unique value. E-mail is not among them: see `address_holder`."""
    return [one["name"] for one in state.lookup(kind.definitions, "unique", "true") if one["name"] != "hs_object_id"]


def addresses(properties: dict[str, Any]) -> list[str]:
    """Return all e-mail addresses of a contact, the primary one first."""
    texts = (properties.get("email"), properties.get("hs_additional_emails"))
    return [one for text in texts if isinstance(text, str) for one in text.split(";") if one]


def keep(kind: Kind, record: Record, state: State, now: float) -> None:
    """Write a record, indexed by its addresses and unique values unless it is archived. The search keeps the old state
    until its index has caught up."""
    id = record["id"]
    previous = state.get(kind.name, id)
    if previous is not None and now - state.seen_at(kind.name, id) >= state.search_lag():
        state.put(indexed(kind), id, previous)
    state.put(kind.name, id, record, {} if record["archived"] else keys_of(kind, record["properties"], state))


def keys_of(kind: Kind, properties: dict[str, Any], state: State) -> dict[str, str]:
    """Return the names and values that no other record of this type may have."""
    keys = {name: properties[name] for name in unique_properties(kind, state) if isinstance(properties.get(name), str)}
    if kind is CONTACTS:
        keys |= {f"address {address}": address for address in addresses(properties)}
    return keys


def address_holder(address: str, state: State) -> Record | None:
    """Return the contact with this primary or additional address."""
    return next(iter(state.lookup(CONTACTS.name, f"address {folded(address.strip())}", folded(address.strip()))), None)


def must_get(kind: Kind, id: str, state: State, *, id_property: str | None = None, archived: bool = False) -> Record:
    """Return the record that a path names, by id or by a unique property. Refuses a missing one with 404.

    With `archived`, only archived records exist; without, only the others.
    """
    into = None if id_property or archived else state.get(merged(kind), id)
    id = id if into is None else into["into"]
    record = _by_property(kind, id_property, id, state) if id_property else state.get(kind.name, id)
    if archived and record is None and id_property:
        record = next(iter(state.find(kind.name, lambda one: one["properties"].get(id_property) == id)), None)
    if record is None or record["archived"] != archived:
        raise no_such_record(id, by_id=id_property is None)
    return record


def _by_property(kind: Kind, id_property: str, value: str, state: State) -> Record | None:
    if id_property == "hs_object_id":
        return state.get(kind.name, value)
    if kind is CONTACTS and id_property == "email":
        return address_holder(value, state)
    if id_property not in unique_properties(kind, state):
        raise Refusal(400, f"Property {id_property} is not a unique identifier property of {kind.label}")
    return next(iter(state.lookup(kind.name, id_property, value)), None)


def ensure_unique(kind: Kind, id: str, properties: dict[str, str], state: State) -> None:
    """Refuse values of another record: addresses with 409, other unique properties with 400."""
    if kind is CONTACTS:
        for address in addresses(properties):
            holder = address_holder(address, state)
            if holder is not None and holder["id"] != id:
                raise contact_exists(holder["id"])
    for name in unique_properties(kind, state):
        for holder in state.lookup(kind.name, name, properties.get(name, "")):
            if holder["id"] != id:
                raise value_taken(kind.type_id, name, properties[name], id, holder["id"])


def rendered_names(kind: Kind, requested: list[str], state: State) -> tuple[str, ...]:
    """Return the properties of an answer: the requested ones that exist and are not archived, or the defaults, and
    those that are always returned."""
    if not requested:
        return kind.defaults
    definitions = {name: state.get(kind.definitions, name) for name in dict.fromkeys(requested)}
    known = (name for name, definition in definitions.items() if definition is not None and not definition["archived"])
    return tuple(sorted({*known, *kind.always}))


def rendered(kind: Kind, record: Record, names: tuple[str, ...]) -> Record:
    """Return a record with these properties, null for those without a value."""
    return envelope(kind, record, {name: record["properties"].get(name) for name in names})


def rendered_whole(kind: Kind, record: Record) -> Record:
    """Return a record with all properties that have a value, as after its creation."""
    return envelope(kind, record, dict(sorted(record["properties"].items())))


def envelope(kind: Kind, record: Record, properties: dict[str, Any]) -> Record:
    """Return a record with these properties."""
    envelope: Record = {
        "id": record["id"],
        "properties": properties,
        "createdAt": record["createdAt"],
        "updatedAt": record["updatedAt"],
        "archived": record["archived"],
    }
    if record["archived"]:
        envelope["archivedAt"] = record["archivedAt"]
    envelope["url"] = f"https://app.hubspot.com/contacts/{PORTAL_ID}/record/{kind.type_id}/{record['id']}"
    return envelope


def placed(kind: Kind, payload: Record, state: State, now: float) -> Record:
    """Store any payload as a record without checks. With `properties` it is a record of the API; otherwise, its members
    are the properties."""
    at = instant_at(now)
    envelope = payload if isinstance(payload.get("properties"), dict) else {"properties": payload}
    id = str(envelope.get("id") or new_id(kind, state))
    record = {"createdAt": at, "updatedAt": at, "archived": False, **envelope, "id": id}
    if record["archived"]:
        record.setdefault("archivedAt", record["updatedAt"])
    times = {kind.created: record["createdAt"], kind.modified: record["updatedAt"], "hs_object_id": id}
    record["properties"] = times | record["properties"]
    keep(kind, record, state, now)
    return record
