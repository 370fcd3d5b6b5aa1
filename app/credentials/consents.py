"""The authorisation of a connection by a person: authorisation code with PKCE (RFC 7636) and a state that works once.

`lockstitch connect` makes a random `run`, which only its terminal and one browser know. The state and the code verifier
are derived from it, and the database holds digests only. An answer is taken once, before it expires, and only from
where the run is known.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from app.errors import Complaint
from app.postgres.database import Database, Statement

MINUTES: Final = 10
LIFETIME: Final = timedelta(minutes=MINUTES)

INSERT: Final = Statement(
    "INSERT consent",
    """
    WITH ended AS (DELETE FROM consent WHERE expires_at < now() - interval '1 day')
    INSERT INTO consent (run, state, connection, actor, expires_at) VALUES ($1, $2, $3, $4, now() + $5)
    """,
)
OPEN: Final = Statement(
    "UPDATE consent",
    """
    UPDATE consent SET opened_at = now()
     WHERE run = $1 AND opened_at IS NULL AND used_at IS NULL AND expires_at > now()
    RETURNING connection, actor
    """,
)
# The exchange of the code gets its own time: a process may die in it, and the terminal must not wait for ever.
USE: Final = Statement(
    "UPDATE consent",
    """
    UPDATE consent SET used_at = now(), expires_at = now() + interval '2 minutes'
     WHERE run = $1 AND state = $2 AND used_at IS NULL AND expires_at > now()
    RETURNING connection, actor
    """,
)
FIND: Final = Statement(
    "SELECT consent",
    "SELECT connection, actor, used_at, outcome, expires_at <= now() AS ended FROM consent WHERE run = $1",
)
SETTLE: Final = Statement("UPDATE consent", "UPDATE consent SET outcome = $2 WHERE run = $1")

CONNECTED: Final = "connected"


class ConsentError(Complaint):
    """An authorisation cannot go on. The message says why, and holds no part of a secret."""


class Authorization(Struct, frozen=True, kw_only=True):
    """One run of `lockstitch connect`, as recorded. `outcome` is `connected`, or why not; None while it is open."""

    connection: str
    actor: str
    used_at: datetime | None = None
    outcome: str | None = None
    ended: bool = False


class AuthorizationRequest:
    """The authorization request of a run: its random value, and what is derived from it: the digest that the database
    knows, the state, and the code verifier with its challenge (S256). Never shown in `repr`."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.digest = hashlib.sha256(value.encode()).digest()
        self.state = self._derived("state")
        self.verifier = self._derived("code verifier")
        self.challenge = _text(hashlib.sha256(self.verifier.encode()).digest())

    @classmethod
    def new(cls) -> "AuthorizationRequest":
        """Return a request with a new value."""
        return cls(secrets.token_urlsafe(32))

    def _derived(self, what: str) -> str:
        return _text(hmac.digest(self.value.encode(), what.encode(), "sha256"))


class Consents:
    """The runs of `lockstitch connect`. All methods raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, request: AuthorizationRequest, connection: str, *, actor: str, opened: bool) -> None:
        """Record a run. `opened`: the terminal itself shows the vendor's page, and no browser may follow the link."""
        await self._database.execute(INSERT, request.digest, _state_digest(request.state), connection, actor, LIFETIME)
        if opened:
            await self._database.fetch_row(OPEN, request.digest)

    async def open(self, request: AuthorizationRequest) -> Authorization:
        """Let one browser follow the link. Raises ConsentError if it did, or if the run has ended."""
        row = await self._database.fetch_row(OPEN, request.digest)
        if row is None:
            raise ConsentError("This link is unknown, was opened already, or has ended. Run lockstitch connect again.")
        return Authorization(**row)

    async def use(self, request: AuthorizationRequest, state: str) -> Authorization:
        """Take the vendor's answer, once. Raises ConsentError."""
        row = await self._database.fetch_row(USE, request.digest, _state_digest(state))
        if row is None:
            raise ConsentError(await self._why_not(request, state))
        return Authorization(**row)

    async def find(self, request: AuthorizationRequest) -> Authorization | None:
        """Return a run, or None."""
        row = await self._database.fetch_row(FIND, request.digest)
        return None if row is None else Authorization(**row)

    async def settle(self, request: AuthorizationRequest, outcome: str) -> None:
        """Record what became of it, for the terminal that waits."""
        await self._database.execute(SETTLE, request.digest, outcome)

    async def _why_not(self, request: AuthorizationRequest, state: str) -> str:
        known = await self.find(request)
        if known is None:
            return "This browser did not begin the authorisation. Paste the address of this page into the terminal."
        if not hmac.compare_digest(state.encode(), request.state.encode()):
            return "The state is not the one that was sent. Nothing was stored."
        if known.used_at is not None:
            return "This answer was taken already. Nothing was stored."
        return f"The authorisation took longer than {MINUTES} minutes. Run lockstitch connect again."


def _state_digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
