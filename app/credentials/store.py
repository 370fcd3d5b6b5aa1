"""The vault: credentials and their versions. Values are sealed for `credential <name> <version>`.

Every change locks the credential, is audited without any part of the value, and notifies all processes. No transaction
is open while a vendor is asked, except one that writes nothing (`leased`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from app.audit import record
from app.credentials import statements as sql
from app.credentials.models import (
    Credential,
    CredentialError,
    CredentialKind,
    ListedVersion,
    NoCredential,
    RefreshLease,
    Version,
    VersionMoved,
    VersionState,
)
from app.errors import StoreUnavailable
from app.postgres.database import Database, Transaction
from app.postgres.encryption import SealBroken, SealedColumn, Sealer

SEALED: Final = (
    SealedColumn(
        table="credential_version",
        column="payload",
        key={"credential": "text", "version": "integer"},
        belongs_to=lambda row: belongs_to(row["credential"], row["version"]),
    ),
)
# A lost session is noticed, and replaced, well before others take its holder for killed (GONE_SECONDS).
BEAT_SECONDS: Final = 0.4
# Each lease keeps a connection of the pool, and needs a second one now and then. More would use up the pool.
MOST_LEASES: Final = 8
_log = logging.getLogger("lockstitch.credentials")


def belongs_to(name: str, version: int) -> str:
    """Return the associated data of a sealed version."""
    return f"credential {name} {version}"


class PostgresCredentials:
    """The credentials. Every change is audited with `actor` as its cause. All methods raise StoreUnavailable."""

    def __init__(self, database: Database, sealer: Sealer, *, actor: str = "lockstitch") -> None:
        self._database = database
        self._sealer = sealer
        self._actor = actor
        self._leases = asyncio.Semaphore(MOST_LEASES)
        self.unreadable: set[tuple[str, int]] = set()
        """The name and number of each version that the encryption keys do not open."""

    async def read(self, known: Mapping[str, Credential] | None = None) -> Mapping[str, Credential]:
        """Return every credential with a live version, by name.

        The values of `known` versions are not opened again. A version that cannot be opened is left out.
        """
        opened = {
            (credential.name, version.number, version.created_at): version.payload
            for credential in (known or {}).values()
            for version in credential.live
        }
        credentials: dict[str, dict[str, Any]] = {}
        for row in await self._database.fetch(sql.SELECT_LIVE):
            name, number = row["name"], row["version"]
            credential = credentials.setdefault(name, {field: row[field] for field in _OF_CREDENTIAL})
            payload = opened.get((name, number, row["created_at"])) or self._open(name, number, row["payload"])
            if payload is not None:
                fields = {field: row[field] for field in _OF_VERSION}
                credential[row["state"]] = Version(number=number, payload=payload, **fields)
        return {name: Credential(**fields) for name, fields in credentials.items()}

    def _open(self, name: str, number: int, sealed: bytes) -> bytes | None:
        try:
            return self._sealer.open(sealed, belongs_to(name, number))
        except SealBroken as error:
            if (name, number) not in self.unreadable:
                self.unreadable.add((name, number))
                _log.error("version %d of the credential %s cannot be opened: %s", number, name, error)
            return None

    async def list(self) -> Sequence[ListedVersion]:
        """Return all versions of all credentials, without their values."""
        return [msgspec.convert(dict(row), ListedVersion) for row in await self._database.fetch(sql.SELECT_ALL)]

    async def set(self, name: str, payload: bytes, *, max_age: timedelta | None = None) -> tuple[int, VersionState]:
        """Store a secret as `next`, in place of another `next` one, or as `current` if there is none.

        `max_age` replaces the present one if given. Raises CredentialError for another kind.
        """
        async with self._database.transaction() as session:
            await session.execute(sql.CREATE, name, "secret", max_age)
            live = await self._lock(session, name, "secret")
            state: VersionState = "next" if "current" in live else "current"
            await self._revoke(session, name, live.get(state))
            number = await self._insert(session, name, payload, state, None)
            await self._note(session, "credential.stored", name, kind="secret", version=number, state=state)
            return number, state

    async def promote(self, name: str, number: int, *, overlap: timedelta) -> None:
        """Make version `number`, which must still be `next`, the current one. The old one is `previous`, and is
        accepted from vendors during the overlap. Raises VersionMoved."""
        async with self._database.transaction() as session:
            live = await self._lock(session, name)
            if live.get("next") != number:
                raise VersionMoved(f"Version {number} of {name} is no longer the next one. Nothing was changed.")
            await self._revoke(session, name, live.get("previous"))
            if "current" in live:
                await session.execute(sql.MOVE, name, live["current"], "previous", overlap)
            await session.execute(sql.MOVE, name, number, "current", None)
            seconds = overlap.total_seconds()
            await self._note(
                *(session, "credential.promoted", name),
                version=number,
                replaces=live.get("current"),
                overlap_seconds=seconds,
            )

    async def rollback(self, name: str) -> tuple[int, int | None]:
        """Make the previous version current again, and a current one `next`, in place of another. Return both numbers.

        Raises CredentialError if there is no previous version.
        """
        async with self._database.transaction() as session:
            live = await self._lock(session, name)
            if "previous" not in live:
                raise CredentialError(f"{name} has no previous version to go back to.")
            if "current" in live:
                await self._revoke(session, name, live.get("next"))
                await session.execute(sql.MOVE, name, live["current"], "next", None)
            await session.execute(sql.MOVE, name, live["previous"], "current", None)
            await session.execute(sql.SETTLE_REFRESH, name)
            await self._note(
                session, "credential.rolled_back", name, version=live["previous"], replaces=live.get("current")
            )
            return live["previous"], live.get("current")

    async def revoke(self, name: str, *numbers: int) -> Sequence[int]:
        """Revoke these versions, or all of them, and forget their values. Return those that were live."""
        async with self._database.transaction() as session:
            live = await self._lock(session, name)
            return await self._revoke(session, name, *(numbers or live.values()))

    async def replace(
        self,
        name: str,
        payload: bytes,
        *,
        kind: CredentialKind,
        lease: RefreshLease | None = None,
        expires_at: datetime | None = None,
        keep_previous: bool = False,
        cause: str = "credential.refreshed",
    ) -> int:
        """Store what a vendor issued as the current version, and return its number.

        With a `lease`, that lease must still be held and its version current; it then ends. Without one, any version is
        replaced, as after a new authorisation. `keep_previous`: the vendor still accepts the old one. `cause` is the
        type of the audit event. Raises VersionMoved, and CredentialError for another kind.
        """
        async with self._database.transaction() as session:
            await session.execute(sql.CREATE, name, kind, None)
            live = await self._lock(session, name, kind, lease=lease)
            await self._revoke(session, name, live.get("previous"))
            old = live.get("current")
            if old is not None and keep_previous:
                await session.execute(sql.MOVE, name, old, "previous", None)
            else:
                await self._revoke(session, name, old)
            number = await self._insert(session, name, payload, "current", expires_at)
            await session.execute(sql.SETTLE_REFRESH, name)
            await session.execute(sql.FORGET_REVOKED, name, number)
            await self._note(session, cause, name, kind=kind, version=number, replaces=old)
            return number

    @asynccontextmanager
    async def leased(
        self, name: str, *, seconds: float, instead_of: UUID | None = None
    ) -> AsyncIterator[RefreshLease | None]:
        """Take the lease like `lease`, and show during the block that this process is alive."""
        token, is_taken = uuid4(), asyncio.get_running_loop().create_future()
        async with self._leases:
            living = asyncio.create_task(self._live(token, is_taken))
            try:
                await asyncio.wait({living, is_taken}, return_when=asyncio.FIRST_COMPLETED)
                if living.done():
                    living.result()
                yield await self.lease(name, seconds=seconds, token=token, instead_of=instead_of)
            finally:
                living.cancel()
                await asyncio.wait({living})

    async def _live(self, token: UUID, is_taken: "asyncio.Future[None]") -> None:
        """Hold the lock that shows a living holder, until cancelled. If its session is lost, take it again, so that no
        other process takes this one for killed. Sets `is_taken`, or raises StoreUnavailable before that."""
        while True:
            try:
                async with self._database.transaction() as alive:
                    await alive.execute(sql.HOLD, token)
                    if not is_taken.done():
                        is_taken.set_result(None)
                    while True:
                        await asyncio.sleep(BEAT_SECONDS)  # too short for a session to count as idle
                        await alive.execute(sql.STILL_HOLD)
            except StoreUnavailable:
                if not is_taken.done():
                    raise
            await asyncio.sleep(BEAT_SECONDS)

    async def gone_holder(self, name: str) -> UUID | None:
        """Return the token of a lease whose holder shows no sign of life, or None."""
        token: UUID | None = await self._database.fetch_value(sql.GONE_HOLDER, name)
        return token

    async def lease(
        self, name: str, *, seconds: float, token: UUID | None = None, instead_of: UUID | None = None
    ) -> RefreshLease | None:
        """Take the lease of a credential that has a current version. None while another process holds it, unless it is
        `instead_of` that one."""
        token = token or uuid4()
        async with self._database.transaction() as session:
            if not await session.execute(sql.LEASE, name, token, seconds, instead_of):
                return None
            version = (await self._states(session, name)).get("current")
            if version is None:
                await session.execute(sql.RELEASE, name, token, False)
                return None
        return RefreshLease(name=name, token=token, version=version)

    async def release(self, lease: RefreshLease, *, unused: bool = False) -> None:
        """Give the lease back without a new version. `unused`: the vendor certainly did not use what was sent."""
        await self._database.execute(sql.RELEASE, lease.name, lease.token, unused)

    async def mark_sent(self, lease: RefreshLease) -> None:
        """Record, before it happens, that the refresh token of the lease's version is sent. Raises VersionMoved."""
        async with self._database.transaction() as session:
            if not await session.execute(sql.MARK_SENT, lease.name, lease.token, lease.version):
                raise VersionMoved(f"Another process refreshes {lease.name}.")
            await session.execute(sql.NOTIFY)

    async def refuse(self, name: str, number: int, why: str) -> bool:
        """Record that a person must authorise again, if version `number` is still current. Ends the lease. False if it
        is not, or if it was recorded already. `why` holds no part of a secret."""
        async with self._database.transaction() as session:
            refused = await session.execute(sql.REFUSE, name, number, why) > 0
            if refused:
                await self._note(session, "credential.refused", name, version=number, why=why)
            return refused

    async def _lock(
        self, session: Transaction, name: str, kind: CredentialKind | None = None, *, lease: RefreshLease | None = None
    ) -> dict[str, int]:
        """Lock the credential, and return the numbers of its live versions by state."""
        row = await session.fetch_row(sql.LOCK, name)
        if row is None:
            raise NoCredential(name)
        if kind is not None and row["kind"] != kind:
            raise CredentialError(f"{name} is a credential of kind {row['kind']}, not {kind}.")
        live = await self._states(session, name)
        if lease is not None and (row["lease_token"] != lease.token or live.get("current") != lease.version):
            raise VersionMoved(f"Another process has taken over {name}, or stored a newer version.")
        return live

    async def _states(self, session: Transaction, name: str) -> dict[str, int]:
        return {row["state"]: row["version"] for row in await session.fetch(sql.SELECT_STATES, name)}

    async def _insert(
        self, session: Transaction, name: str, payload: bytes, state: VersionState, expires_at: datetime | None
    ) -> int:
        number: int = await session.fetch_value(sql.NEXT_NUMBER, name)
        sealed = self._sealer.seal(payload, belongs_to(name, number))
        await session.execute(sql.INSERT_VERSION, name, number, state, sealed, expires_at)
        return number

    async def _revoke(self, session: Transaction, name: str, *numbers: int | None) -> Sequence[int]:
        rows = await session.fetch(sql.REVOKE, name, [number for number in numbers if number is not None])
        revoked = [row["version"] for row in rows]
        if revoked:
            await self._note(session, "credential.revoked", name, versions=revoked)
        return revoked

    async def _note(self, session: Transaction, what: str, name: str, **facts: object) -> None:
        """Audit a change, and notify all processes."""
        entry = record.Entry(type=what, subject=name, actor=self._actor, correlation_id=None, facts=facts)
        await record.append(session, entry)
        await session.execute(sql.NOTIFY)


_OF_CREDENTIAL: Final = ("name", "kind", "max_age", "sent_version", "refused_at", "refused_why")
_OF_VERSION: Final = ("state", "expires_at", "accepted_until", "created_at", "changed_at")
