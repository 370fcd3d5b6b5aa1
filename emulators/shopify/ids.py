"""Shopify's way of naming things and of telling time."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from emulators.state import State

# The shop's own place: dates without a time are days of this zone.
SHOP_ZONE = ZoneInfo("America/New_York")

# Above 2^53: a client that reads an id into a double gets a neighbour's record.
FIRST_NUMBER = 9_007_199_254_740_993

_GID = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]{1,20})(?:\?[^ ]*)?", re.ASCII)


def gid(kind: str, number: int | str) -> str:
    """The global id of a thing; `number` is its id in the REST API."""
    return f"gid://shopify/{kind}/{number}"


def new_gid(state: State, kind: str) -> str:
    """A global id never given before. Each kind counts from a place of its own, so that kinds cannot be confused."""
    start = FIRST_NUMBER + 1_000_000 * (sum(kind.encode()) % 997)
    return gid(kind, state.next_id(kind, start))


def is_gid(text: str) -> bool:
    """Whether the text has the form of a global id of any kind."""
    return _GID.fullmatch(text) is not None


def kind_of(text: str) -> str:
    """`Order` of `gid://shopify/Order/1`; empty when it is no global id."""
    match = _GID.fullmatch(text)
    return match[1] if match else ""


def number_of(text: str) -> str:
    """`1` of `gid://shopify/Order/1`, what `legacyResourceId` says; `0` when there is no number in it."""
    match = _GID.fullmatch(text)
    return match[2] if match else "0"


def moment(now: float) -> str:
    """Unix seconds the way the GraphQL API writes time: UTC, whole seconds, `Z`."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str) -> datetime | None:
    """An ISO 8601 date or time as an instant, in the shop's zone where the text names none; None for other text."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=SHOP_ZONE)).astimezone(UTC)
