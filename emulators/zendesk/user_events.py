"""Events on users and identities, as in Zendesk's webhooks."""

from collections.abc import Callable
from typing import Any

from emulators.state import JsonRecord

Happened = list[tuple[str, dict[str, Any]]]


def user_detail(user: JsonRecord) -> JsonRecord:
    """Return the user after the event: without name and number; "0" or empty text for absent values."""
    return {
        "created_at": user["created_at"],
        "default_group_id": _id(user["default_group_id"]),
        "email": user["email"] or "",
        "external_id": user["external_id"] or "",
        "id": str(user["id"]),
        "organization_id": _id(user["organization_id"]),
        "role": user["role"],
        "updated_at": user["updated_at"],
    }


def user_events(before: JsonRecord | None, after: JsonRecord | None) -> Happened:
    """Return the events of one change of a user: created, deleted, or one for each changed field with an event."""
    if after is None:
        return [] if before is None else [("deleted", {})]
    if before is None:
        return [("created", {})] if after["active"] else []
    ended: Happened = [("deleted", {})] if before["active"] and not after["active"] else []
    return ended + _fields(before, after) + _tags(before, after) + _custom_fields(before, after)


def identity_events(before: JsonRecord | None, after: JsonRecord | None) -> Happened:
    """Return the events of an address or a number of a user: added, removed or changed."""
    if before is None or after is None:
        identity = after or before
        return [] if identity is None else [("identity_created" if after else "identity_deleted", _identity(identity))]
    current, previous = _identity(after), _identity(before)
    return [] if current == previous else [("identity_changed", {"current": current, "previous": previous})]


def _identity(identity: JsonRecord) -> JsonRecord:
    return {
        "id": str(identity["id"]),
        "primary": identity.get("primary", False),
        "type": identity.get("type"),
        "value": identity.get("value"),
    }


def _id(id: Any) -> str:
    return "0" if id is None else str(id)


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> Any:
    return "" if value is None else value


# The event of a field, the field, and the form of its value.
FIELDS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("active_changed", "active", _same),
    ("suspended_changed", "suspended", _same),
    ("role_changed", "role", _same),
    ("name_changed", "name", _text),
    ("alias_changed", "alias", _text),
    ("details_changed", "details", _text),
    ("notes_changed", "notes", _text),
    ("external_id_changed", "external_id", _text),
    ("time_zone_changed", "time_zone", _text),
    ("default_group_changed", "default_group_id", _id),
    ("custom_role_changed", "custom_role_id", _id),
    ("only_private_comments_changed", "only_private_comments", _same),
)


def _fields(before: JsonRecord, after: JsonRecord) -> Happened:
    return [
        (name, {"current": write(after[field]), "previous": write(before[field])})
        for name, field, write in FIELDS
        if before[field] != after[field]
    ]


def _tags(before: JsonRecord, after: JsonRecord) -> Happened:
    was, now = before["tags"] or [], after["tags"] or []
    if was == now:
        return []
    added, removed = [tag for tag in now if tag not in was], [tag for tag in was if tag not in now]
    return [("tags_changed", {"added": {"tags": added}, "removed": {"tags": removed}})]


def _custom_fields(before: JsonRecord, after: JsonRecord) -> Happened:
    was, now = before["user_fields"] or {}, after["user_fields"] or {}
    return [
        ("custom_field_changed", {"current": value, "previous": was.get(key), "field": {"key": key}})
        for key, value in now.items()
        if was.get(key) != value
    ]
