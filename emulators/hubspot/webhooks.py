"""HubSpot's webhooks: arrays of up to 100 thin events, signed with version 3 of its scheme.

An app subscribes to creation, deletion and restoration of an object type, and to single properties of it. This one
subscribes to every property that a client may write. Reference: HubSpot's "Webhooks API" and "Validating requests".
"""

import base64
import hashlib
import hmac
import zlib
from typing import Any

import msgspec

from emulators.hubspot.errors import PORTAL_ID
from emulators.hubspot.kinds import COMPANIES, CONTACTS, LINE_ITEMS, ORDERS, TICKETS, Kind
from emulators.hubspot.records import merged
from emulators.hubspot.values import millis
from emulators.state import State
from emulators.webhooks import Change, JsonRecord, Message, Try, WebhookRules

APP_ID = 18221010
FIRST_EVENT = 100_000_001
MOST_EVENTS = 100
KINDS = {kind.name: kind for kind in (CONTACTS, COMPANIES, TICKETS, ORDERS, LINE_ITEMS)}
RULES = WebhookRules(objects=tuple(KINDS), tries=11, timeout=5.0)  # ten more tries, spread over a day
HEADERS = {
    "Content-Type": "application/json;charset=UTF-8",
    "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client) - WebHooks",
}
# HubSpot signs its target with only these escapes decoded.
SIGNED_UNESCAPED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}

Event = dict[str, Any]


def messages(changes: list[Change], state: State) -> list[Message]:
    """Return the events of one call, up to 100 a request."""
    events = [event for change in changes for event in _events(change, state)]
    return [_message(events[start : start + MOST_EVENTS]) for start in range(0, len(events), MOST_EVENTS)]


def signed(message: Message, attempt: Try) -> Message:
    """Return the request of one try. Every event has the number of tries; the signature covers method, address, body
    and time (milliseconds)."""
    events = msgspec.json.decode(message.body)
    body = msgspec.json.encode([{**event, "attemptNumber": attempt.earlier} for event in events])
    at = str(int(attempt.at * 1000))
    content = b"".join((b"POST", signed_address(attempt.url).encode(), body, at.encode()))
    digest = hmac.new(attempt.secret.encode(), content, hashlib.sha256).digest()
    signature = {
        "X-HubSpot-Signature-Version": "v3",
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": at,
    }
    return Message(topics=message.topics, headers=message.headers | signature, body=body)


def signed_address(url: str) -> str:
    """Return the target as it is signed."""
    for escape, character in SIGNED_UNESCAPED.items():
        url = url.replace(escape, character).replace(escape.lower(), character)
    return url


def _message(events: list[Event]) -> Message:
    topics = tuple(dict.fromkeys(event["subscriptionType"] for event in events))
    return Message(topics=topics, headers=HEADERS, body=msgspec.json.encode(events))


def _events(change: Change, state: State) -> list[Event]:
    kind = KINDS[change.object]
    if not change.id.isdecimal():
        return []  # placed under an id that does not fit an event
    before, after = _live(change.before), _live(change.after)
    if after is None:
        return [] if before is None else _gone(kind, change, state)
    if before is None and change.before is not None:
        return [_event(kind, change, state, "restore")]
    made = [_event(kind, change, state, "creation", changeFlag="CREATED")] if before is None else []
    return made + [
        _event(kind, change, state, "propertyChange", propertyName=name, propertyValue=value)
        for name, value in _written(kind, before, after, state)
    ]


def _gone(kind: Kind, change: Change, state: State) -> list[Event]:
    """Return the deletion, after the merge if the record was merged into another one, whose properties are not sent."""
    deletion, merge = _event(kind, change, state, "deletion", changeFlag="DELETED"), state.get(merged(kind), change.id)
    if merge is None:
        return [deletion]
    into = int(merge["into"])
    ids = {"objectId": into, "primaryObjectId": into, "mergedObjectIds": [int(change.id)]}
    return [{**_event(kind, change, state, "merge"), **ids, "numberOfPropertiesMoved": 0}, deletion]


def _live(record: JsonRecord | None) -> JsonRecord | None:
    """Return the record unless it is archived, which an app sees as deleted."""
    return None if record is None or record["archived"] else record


def _written(kind: Kind, before: JsonRecord | None, after: JsonRecord, state: State) -> list[tuple[str, str]]:
    """Return the changed properties that apps can subscribe to, with their new values; empty text for a cleared one."""
    was: dict[str, Any] = before["properties"] if before is not None else {}
    now: dict[str, Any] = after["properties"]
    names = (name for name in {**was, **now} if was.get(name) != now.get(name))
    return [(name, _text(now.get(name))) for name in names if _is_writable(kind, name, state)]


def _is_writable(kind: Kind, name: str, state: State) -> bool:
    definition = state.get(kind.definitions, name)
    return definition is not None and not definition["modificationMetadata"]["readOnlyValue"]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _occurred_at(change: Change) -> int:
    """Return the record's own time of the change, in milliseconds."""
    changed_at = None if change.after is None else change.after.get("updatedAt")
    milliseconds = millis(changed_at) if isinstance(changed_at, str) else None
    return int(change.at * 1000) if milliseconds is None else milliseconds


def _event(kind: Kind, change: Change, state: State, happened: str, **more: str) -> Event:
    subscription = f"{kind.singular}.{happened}"
    return {
        "eventId": state.next_id("event", FIRST_EVENT),
        "subscriptionId": zlib.crc32(f"{subscription} {more.get('propertyName', '')}".encode()) % 9_000_000 + 1_000_000,
        "portalId": PORTAL_ID,
        "appId": APP_ID,
        "occurredAt": _occurred_at(change),
        "subscriptionType": subscription,
        "attemptNumber": 0,
        # A number here, and text in the API.
        "objectId": int(change.id),
        **more,
        "changeSource": "INTEGRATION",
        "sourceId": str(APP_ID),
    }
