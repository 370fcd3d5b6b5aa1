"""API keys: create, find, rotate, revoke. Only the SHA-256 of a key is stored; the key itself is shown once."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import msgspec

from app.api_keys.statements import VALID
from app.audit import record
from app.errors import Complaint
from app.http.callers import Caller
from app.identifiers import new_id
from app.postgres.database import Database, Session, Statement
from app.settings.environment import DEFAULT_ENVIRONMENT

PREFIX = "lsk_"
_KEY: Final = re.compile(r"lsk_([a-z][a-z0-9-]{0,30})_[A-Za-z0-9_-]{43}")
SCOPES = (
    *("customers:read", "customers:write", "orders:read", "orders:write", "tickets:read", "tickets:write"),
    *("events:read", "subscriptions:read", "subscriptions:write", "approvals:write", "ops:read", "ops:write"),
)
UNAPPROVED = ("approvals:write", "ops:write")
"""Scopes with which a key could write without the approval of others."""
OVERLAP = timedelta(hours=24)

INSERT = Statement(
    "INSERT api_key",
    """
    INSERT INTO api_key (id, principal, name, digest, scopes, expires_at, needs_approval)
    VALUES ($1, $2, $3, $4, $5, now() + $6::interval, $7)
    RETURNING expires_at
    """,
)

SELECT_VALID = Statement(
    "SELECT api_key",
    f"""
    SELECT digest, id, principal, name, scopes, expires_at, needs_approval
      FROM api_key
     WHERE digest = ANY($1::bytea[]) AND {VALID}
    """,  # noqa: S608 - no caller's text is in it
)

SELECT_ALL = Statement(
    "SELECT api_key",
    """
    SELECT id, principal, name, scopes, needs_approval, created_at, expires_at, rotated_at, revoked_at,
           CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
                WHEN expires_at <= now()    THEN 'expired'
                WHEN rotated_at IS NOT NULL THEN 'overlapping'
                ELSE 'valid'
           END AS state
      FROM api_key
     ORDER BY name, created_at
    """,
)

# The overlap only ever shortens the lifetime. Of two concurrent rotations, the second waits for the row, finds it
# rotated and is refused.
MARK_ROTATED = Statement(
    "UPDATE api_key",
    """
    WITH current AS (
        SELECT id, expires_at - created_at AS lifetime
          FROM api_key
         WHERE name = $1
           AND rotated_at IS NULL
           AND revoked_at IS NULL
           FOR UPDATE
    )
    UPDATE api_key
       SET rotated_at = now(),
           expires_at = least(expires_at, now() + $2::interval)
      FROM current
     WHERE api_key.id = current.id
    RETURNING api_key.id, principal, scopes, lifetime, needs_approval
    """,
)

# All keys of the principal, so that an old one in its overlap ends too.
MARK_REVOKED = Statement(
    "UPDATE api_key",
    """
    UPDATE api_key
       SET revoked_at = now()
     WHERE revoked_at IS NULL
       AND principal IN (SELECT principal FROM api_key WHERE name = $1 AND revoked_at IS NULL AND rotated_at IS NULL)
    RETURNING id, principal, name
    """,
)


class ApiKeyError(Complaint):
    """A key cannot be created, rotated or revoked. The message says why."""


class ListedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as operators see it. `state` is `valid`, `overlapping` (rotated, still valid), `expired` or `revoked`."""

    id: str
    principal: str
    name: str
    scopes: tuple[str, ...]
    needs_approval: bool
    created_at: datetime
    expires_at: datetime | None
    state: str


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key, with the only copy of its secret."""

    id: str
    name: str
    secret: str
    scopes: tuple[str, ...]
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"NewKey(id={self.id!r})"


def generate_secret(environment: str = DEFAULT_ENVIRONMENT) -> str:
    """Return `lsk_`, the environment, and 256 random bits in base64url: `lsk_prod_…`."""
    return f"{PREFIX}{environment}_{urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip('=')}"


def environment_of(secret: str) -> str | None:
    """Return the environment that a key names, or None for a text of another form."""
    match = _KEY.fullmatch(secret)
    return None if match is None else match[1]


def digest_of(secret: str) -> bytes:
    """Return the digest that is stored instead of a key."""
    return hashlib.sha256(secret.encode()).digest()


class PostgresKeys:
    """API keys: look them up, and change them. New ones name the `environment`. Every change is audited with `actor`
    as its cause."""

    def __init__(
        self, database: Database, *, actor: str = "lockstitch", environment: str = DEFAULT_ENVIRONMENT
    ) -> None:
        self._database = database
        self.environment = environment
        self._actor = actor

    async def find(self, secret: str) -> Caller | None:
        """Return the holder of this key, if it is valid now by the database's clock."""
        digest = digest_of(secret)
        return (await self.find_all([digest])).get(digest)

    async def find_all(self, digests: Collection[bytes]) -> dict[bytes, Caller]:
        """Return the holders of the valid keys with these digests, by digest."""
        return {
            row["digest"]: Caller(
                principal=row["principal"],
                key=row["id"],
                name=row["name"],
                scopes=frozenset(row["scopes"]),
                expires_at=row["expires_at"],
                needs_approval=row["needs_approval"],
            )
            for row in await self._database.fetch(SELECT_VALID, list(digests))
        }

    async def list(self) -> Sequence[ListedKey]:
        """List every key ever created, by name and age."""
        return [msgspec.convert(dict(row), ListedKey) for row in await self._database.fetch(SELECT_ALL)]

    async def create(
        self,
        name: str,
        scopes: Collection[str],
        *,
        expires_in: timedelta | None = None,
        secret: str | None = None,
        needs_approval: bool = False,
    ) -> NewKey:
        """Create a key for a new principal, with this `secret` if given (made by `generate_secret`).
        `needs_approval`: each of its writes waits for another principal.

        Raises ApiKeyError for an unknown scope, for one that would go round the approvals, and for a name that a live
        key already has.
        """
        key_id, wanted = new_id("key_"), _checked(scopes, needs_approval=needs_approval)
        try:
            async with self._database.transaction() as session:
                made = await _insert(
                    session,
                    key_id,
                    principal=key_id,
                    name=name,
                    scopes=wanted,
                    lifetime=expires_in,
                    secret=secret or generate_secret(self.environment),
                    needs_approval=needs_approval,
                )
                await self._note(
                    *(session, "api_key.created", key_id),
                    name=name,
                    principal=key_id,
                    scopes=wanted,
                    needs_approval=needs_approval,
                )
            return made
        except asyncpg.UniqueViolationError:
            raise ApiKeyError(
                f"There is a key named {name!r} already: rotate or revoke it, or take another name."
            ) from None

    async def rotate(
        self,
        name: str,
        *,
        overlap: timedelta = OVERLAP,
        expires_in: timedelta | None = None,
        scopes: Collection[str] = (),
    ) -> NewKey:
        """Create the next key of the same principal and name. The present one stays valid for the overlap.

        Scopes and lifetime default to those of the present key; whether its writes need approval stays as it is.
        Raises ApiKeyError for an unknown scope, for one that would go round the approvals, and without a key of this
        name.
        """
        if scopes:
            _checked(scopes)
        async with self._database.transaction() as session:
            present = await session.fetch_row(MARK_ROTATED, name, overlap)
            if present is None:
                raise ApiKeyError(f"There is no live key named {name!r}.")
            needs_approval = present["needs_approval"]
            made = await _insert(
                session,
                new_id("key_"),
                principal=present["principal"],
                name=name,
                scopes=_checked(scopes, needs_approval=needs_approval) if scopes else present["scopes"],
                lifetime=expires_in or present["lifetime"],
                secret=generate_secret(self.environment),
                needs_approval=needs_approval,
            )
            await self._note(
                *(session, "api_key.rotated", made.id),
                name=name,
                principal=present["principal"],
                scopes=made.scopes,
                replaces=present["id"],
                overlap_seconds=overlap.total_seconds(),
            )
            return made

    async def revoke(self, name: str) -> int:
        """Revoke the key of this name and those in their overlap, and return their number.

        Other processes notice within a second. Raises ApiKeyError for none.
        """
        async with self._database.transaction() as session:
            revoked = await session.fetch(MARK_REVOKED, name)
            if not revoked:
                raise ApiKeyError(f"There is no live key named {name!r}.")
            for row in revoked:
                await self._note(session, "api_key.revoked", row["id"], name=row["name"], principal=row["principal"])
        return len(revoked)

    async def _note(self, session: Session, what: str, key_id: str, **facts: object) -> None:
        entry = record.Entry(type=what, subject=key_id, actor=self._actor, correlation_id=None, facts=facts)
        await record.append(session, entry)


def _checked(scopes: Collection[str], *, needs_approval: bool = False) -> list[str]:
    """Return the scopes in their usual order. Raises ApiKeyError for an unknown one, for none, and for one with which a
    key that needs approval could write without."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ApiKeyError(f"Unknown scope {', '.join(unknown) or '(none given)'}; there are {', '.join(SCOPES)}.")
    around = [scope for scope in UNAPPROVED if scope in scopes]
    if needs_approval and around:
        raise ApiKeyError(
            f"A key whose writes need approval cannot have {' or '.join(around)}, with which it could write without:"
            " create another key for that."
        )
    return [scope for scope in SCOPES if scope in scopes]


async def _insert(
    session: Session,
    key_id: str,
    *,
    principal: str,
    name: str,
    scopes: Collection[str],
    lifetime: timedelta | None,
    secret: str,
    needs_approval: bool,
) -> NewKey:
    values = (key_id, principal, name, digest_of(secret), list(scopes), lifetime, needs_approval)
    expires_at = await session.fetch_value(INSERT, *values)
    return NewKey(id=key_id, name=name, secret=secret, scopes=tuple(scopes), expires_at=expires_at)
