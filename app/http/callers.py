"""Callers and their API keys."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from app.errors import Forbidden

OR_ANOTHER: Final = " or another"
"""Follows a scope in the record of last uses if the call needed one of several that the key has."""


class Caller(Struct, frozen=True, kw_only=True):
    """A caller. `principal` stays the same when the key is rotated; it is the scope of idempotency keys. `key` is the
    id of the key itself. `needs_approval`: each of its writes waits for the approval of another principal."""

    principal: str
    key: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None
    needs_approval: bool = False


def require_scopes(caller: Caller, needed: Iterable[str], *, next_step: str | None = None) -> None:
    """Raise Forbidden if the key lacks any of the scopes."""
    lacking = [scope for scope in needed if scope not in caller.scopes]
    if lacking:
        raise forbidden(caller, " and ".join(lacking), next_step=next_step)


def forbidden(caller: Caller, scope: str, *, because: str = "", next_step: str | None = None) -> Forbidden:
    """Return the problem of a key that lacks a scope. `because` says what needs it, where that is not the call."""
    granted = ", ".join(sorted(caller.scopes))
    why = f"{because}. " if because else ""
    return Forbidden(f"{why}The API key {caller.name!r} has no scope {scope}; it has {granted}.", next_step=next_step)


class Keys(Protocol):
    """API keys. `api_keys`, above this folder, implements them."""

    def refuse_foreign(self, secret: str) -> str | None:
        """Return why a key is refused without a query: it names another environment. None if it does not."""

    async def find(self, secret: str) -> Caller | None:
        """Return the holder of this key if it is valid now. Raises StoreUnavailable."""

    async def find_or_recall(self, secret: str) -> Caller | None:
        """Like `find`, but while the database is down, return the holder at the last look-up, until the key expires.

        Only for answers without personal data. Raises StoreUnavailable for a key that was not looked up before.
        """
