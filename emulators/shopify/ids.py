"""Shopify's global ids and times."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from emulators.state import State

# The shop's zone: dates without a time are days in it.
SHOP_ZONE = ZoneInfo("America/New_York")

# Above 2^53: a client that reads an id as a double gets another record.
FIRST_NUMBER = 9_007_199_254_740_993

_GID = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]{1,20})(?:\?[^ ]*)?", re.ASCII)


def gid(kind: str, number: int | str) -> str:
    """Return a global id. `number` is the id in the REST API."""
    return f"gid://shopify/{kind}/{number}"


def new_gid(state: State, kind: str) -> str:
    """Return a new global id. Each kind has its own range of numbers, so kinds cannot be confused."""
    start = FIRST_NUMBER + 1_000_000 * (sum(kind.encode()) % 997)
    return gid(kind, state.next_id(kind, start))


def is_gid(text: str) -> bool:
    """Return whether the text has the form of a global id of any kind."""
    return _GID.fullmatch(text) is not None


def kind_of(text: str) -> str:
    """Return `Order` of `gid://shopify/Order/1`; empty for other text."""
    match = _GID.fullmatch(text)
    return match[1] if match else ""


def number_of(text: str) -> str:
    """Return `1` of `gid://shopify/Order/1`, the id in the REST API; `0` without a number."""
    match = _GID.fullmatch(text)
    return match[2] if match else "0"


def moment(now: float) -> str:
    """Return Unix seconds in the form of the GraphQL API: UTC, whole seconds, `Z`."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str) -> datetime | None:
    """Return an ISO 8601 date or time as an instant, in the shop's zone without an offset; None for other text."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=SHOP_ZONE)).astimezone(UTC)
