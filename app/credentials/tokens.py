"""The tokens of a connection: used from memory, renewed ahead of their end, by one process for all.

The refresher holds a fenced lease, and a lock that ends with its process, and records that it sends before it sends.
The new tokens are committed before their first use. All others wait for the version to rise, or until the refresher is
gone. A refresh token that the vendor deletes at its use is never sent twice: after a lost reply a person must authorise
again. Other kinds are tried again.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from app.credentials.models import Credential, CredentialKind, RefreshLease, VersionMoved
from app.credentials.secrets import VAULT, NoSecret
from app.credentials.store import PostgresCredentials
from app.credentials.token_endpoint import EndpointFailure, TokenEndpoint
from app.credentials.token_set import HeldTokens, ScopeState, TokenSet, hold, payload_of
from app.credentials.vault import Vault
from app.errors import StoreUnavailable, VendorThrottled, VendorTimeout, VendorUnavailable
from app.problem_document import Problem
from app.settings.reading import SettingsError
from mappings.http import VendorRequest
from mappings.tokens import Grant, Issued

_log = logging.getLogger("lockstitch.credentials")

SUFFIX: Final = ".tokens"
# Seconds. The lease outlasts the timeout of the token endpoint by twice this: once before the call, once after it.
MARGIN: Final = 10.0
# How long to wait for another process before looking whether its lease has ended.
PEER_SECONDS: Final = 0.5
GONE_SECONDS: Final = 2.0
ATTEMPTS: Final = 3
LONGEST_REST: Final = 30.0
REPLY_LOST: Final = "the reply to its last refresh was lost"


class GoneHolder:
    """A lease whose holder was killed: it shows no sign of life for GONE_SECONDS. Its `token` may then be replaced.

    A holder that lives loses its sign of life with a restart of the database, and shows it again sooner.
    """

    def __init__(self) -> None:
        self._suspect: UUID | None = None
        self._since = 0.0

    @property
    def token(self) -> UUID | None:
        """The token of the lease, or None."""
        return self._suspect if time.monotonic() - self._since >= GONE_SECONDS else None

    def seen(self, token: UUID | None) -> None:
        """Note the lease that has no living holder now."""
        if token != self._suspect:
            self._suspect, self._since = token, time.monotonic()


class NeedsAuthorization(NoSecret):
    """The connection has no usable tokens, and only an operator can change that."""


class Tokens:
    """The credential of one connection. `read_secrets` returns the secrets of the grant; `scopes` are needed, `missing`
    computes those that were not granted."""

    def __init__(
        self,
        grant: Grant,
        endpoint: TokenEndpoint,
        vault: Vault,
        store: PostgresCredentials,
        read_secrets: Callable[[], Mapping[str, str]],
        *,
        title: str,
        scopes: tuple[str, ...] = (),
        missing: Callable[[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = lambda needed, granted: (),
        note_use: Callable[[str, str], None] = lambda name, part: None,
    ) -> None:
        self.grant = grant
        self.scopes = scopes
        self.endpoint = endpoint
        self.name = f"{endpoint.connection}{SUFFIX}"
        self._vault = vault
        self._store = store
        self.read_secrets = read_secrets
        self._title = title
        self._missing = missing
        self._note_use = note_use
        self._held: HeldTokens | None = None
        self._running: asyncio.Task[None] | None = None
        self._issued = 0  # how often the vendor issued tokens to this process
        self._rest = 0.0
        self._rests_until = 0.0

    def __repr__(self) -> str:
        return f"Tokens(connection={self.endpoint.connection!r})"

    @property
    def version(self) -> int | None:
        """The number of the current version."""
        held = self._current()
        return None if held is None else held.number

    @property
    def header(self) -> tuple[str, str]:
        """The header with the present access token; call `ready` first. Raises NeedsAuthorization."""
        held = self._current()
        if held is None:
            raise self._unauthorised()
        return held.header

    @property
    def named(self) -> tuple[str, ...]:
        """The name of the credential in use."""
        return (self.name if self.version is None else f"{self.name}#{self.version}",)

    @property
    def refused(self) -> str | None:
        """Why a person must authorise the connection, or None."""
        credential = self._vault.get(self.name)
        if credential is not None and credential.refused_at is not None:
            return credential.refused_why
        if not self.grant.needs_person or (credential is not None and credential.current is not None):
            return None
        return "it was not authorised yet" if credential is None else "its tokens were revoked, or cannot be read"

    def scope_state(self) -> ScopeState:
        """Return the needed, granted and missing scopes."""
        held = self._current()
        if held is None or not held.tokens.access_token:
            return ScopeState(needed=self.scopes, granted=None, missing=())
        granted = held.tokens.granted
        return ScopeState(needed=self.scopes, granted=granted, missing=self._missing(self.scopes, granted))

    async def ready(self, deadline: float) -> None:
        """Make sure that there is a usable access token. Costs nothing while there is one.

        Raises NeedsAuthorization; VendorUnavailable, VendorThrottled or VendorTimeout if none could be obtained before
        the deadline (on the clock of time.monotonic). Then nothing was sent.
        """
        renewed: int | None = None
        while True:
            if self.refused is not None:
                with suppress(StoreUnavailable):
                    await self._vault.refresh()  # a person may have authorised it a moment ago
                if self.refused is not None:
                    raise self._unauthorised()
            held = self._current()
            if held is not None and renewed is not None and held.number > renewed and held.tokens.access_token:
                return  # used even if its life is shorter than the time to get it
            now = time.time()
            if held is not None and now < held.ends_at:
                if now >= held.renew_at and time.monotonic() >= self._rests_until:
                    self._begin(held.number)
                return
            renewed = 0 if held is None else held.number
            await self._renewed(renewed, deadline)

    def renew(self) -> None:
        """Nothing has to be read again: the vault is followed."""

    def note_use(self, part: str) -> None:
        """Record that the tokens were used now."""
        self._note_use(f"{VAULT}{self.named[0]}", f"{self.endpoint.connection} {part}")

    async def renewed_since(self, used: tuple[str, str], deadline: float) -> bool:
        """Return whether there is another token than `used`, which the vendor refused; renew it if there is not.

        A token that was replaced meanwhile starts no refresh. Raises like `ready`.
        """
        if self.header != used:
            return True
        await self._vault.refresh()
        held = self._current()
        if held is None or held.header != used:
            return held is not None
        if self.refused is not None:
            raise self._unauthorised()
        await self._renewed(held.number, deadline)
        return self.header != used

    async def obtain(self, deadline: float) -> None:
        """Ask for new tokens now, for example to prove the secrets: those of another process prove nothing. Raises like
        `ready`."""
        self._rests_until = 0.0
        issued = self._issued
        while self._issued == issued:
            await self._renewed(self.version or 0, deadline)
            if self.refused is not None:
                raise self._unauthorised()

    async def renew_if_due(self) -> None:
        """Renew tokens that nobody uses at present, so that their refresh token does not end. Raises like `ready`."""
        held = self._current()
        if held is not None and self.refused is None and time.time() >= held.renew_at:
            await asyncio.shield(self._begin(held.number))

    async def exchange(self, request: VendorRequest, asked: tuple[str, ...], store: PostgresCredentials) -> None:
        """Store what the vendor issues for a code, in place of any version. Raises NeedsAuthorization,
        VendorUnavailable and StoreUnavailable."""
        began = datetime.now(UTC)
        outcome = await self.endpoint.ask(request, self.grant.read)
        if isinstance(outcome, EndpointFailure):
            if outcome.refusal is not None:
                raise NeedsAuthorization(f"{self._title} refuses the code: {outcome.refusal.code}.")
            raise VendorUnavailable(f"{self._title} did not exchange the code ({outcome.why}).")
        payload, ends_at = payload_of(outcome, TokenSet(asked=asked), began, self.grant, asked)
        # The person may have chosen another account: the tokens of the former authorisation can be restored.
        try:
            await store.replace(
                *(self.name, payload),
                kind="oauth",
                expires_at=ends_at,
                keep_previous=True,
                cause="credential.authorized",
            )
        except StoreUnavailable as error:
            raise StoreUnavailable(
                f"{self._title} issued tokens, but the database did not confirm that it stored them. Run again:"
                f" lockstitch connect {self.endpoint.connection}."
            ) from error
        with suppress(StoreUnavailable):
            await self._vault.refresh()

    async def close(self) -> None:
        """Wait for a refresh in progress: its reply must be stored."""
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=self.endpoint.seconds + MARGIN)

    def _current(self) -> HeldTokens | None:
        version = self._vault.current(self.name)
        if version is None:
            return None
        if self._held is None or self._held.version is not version:
            self._held = hold(version, self.grant)
        return self._held

    def _unauthorised(self) -> NeedsAuthorization:
        connection = self.endpoint.connection
        return NeedsAuthorization(
            f"{connection} needs authorization, because {self.refused}: lockstitch connect {connection}."
        )

    async def _renewed(self, number: int, deadline: float) -> None:
        """Wait until there is a version above `number`, or a person must authorise."""
        rest = self._rests_until - time.monotonic()
        if rest > 0:
            raise VendorUnavailable(f"{self._title} issues no tokens at present.", retry_after=rest)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                # A refresh in progress may be that of an older version.
                while (self.version or 0) <= number and self.refused is None:
                    await asyncio.shield(self._begin(number))
        except TimeoutError:
            raise VendorTimeout(f"{self._title} issued no token in time; nothing was sent.") from None

    def _begin(self, number: int) -> "asyncio.Task[None]":
        """Return the refresh in progress, or begin one. It continues when a caller leaves."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._renew(number), name=f"tokens of {self.endpoint.connection}")
            self._running.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        return self._running

    async def _renew(self, number: int) -> None:
        for attempt in range(ATTEMPTS):
            try:
                failure = await self._renew_once(number)
            except VersionMoved:  # another process has stored newer tokens, or a person has authorised again
                await self._vault.refresh()
                failure = None
            if failure is None:
                self._rest = 0.0
                return
            if isinstance(failure, VendorThrottled) or attempt + 1 == ATTEMPTS:
                self._rest = min(LONGEST_REST, max(1.0, 2 * self._rest))
                self._rests_until = time.monotonic() + max(self._rest, failure.retry_after or 0.0)
                raise failure
            await asyncio.sleep(0.2 * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    async def _renew_once(self, number: int) -> Problem | None:
        """Obtain new tokens, or wait until another process has. Return why a further attempt may help.

        Raises NeedsAuthorization if none does, and VersionMoved.
        """
        try:
            secrets = self.read_secrets()
        except SettingsError as error:
            raise NeedsAuthorization(str(error)) from error
        number = await self._leasable(number)
        seconds, gone = self.endpoint.seconds + 2 * MARGIN, GoneHolder()
        while True:
            async with self._store.leased(self.name, seconds=seconds, instead_of=gone.token) as lease:
                if lease is not None:
                    return await self._renew_under(lease, number, secrets)
            gone.seen(await self._store.gone_holder(self.name))
            newer = await self._vault.newer(self.name, number, seconds=PEER_SECONDS)
            if newer is not None or self.refused is not None or self.version is None:
                return None

    async def _renew_under(self, lease: RefreshLease, number: int, secrets: Mapping[str, str]) -> Problem | None:
        """Obtain new tokens under the lease. Returns and raises like `_renew_once`."""
        taken = time.monotonic()
        await self._vault.refresh()
        credential = self._vault.get(self.name)
        if credential is None or credential.current is None or lease.version > number or credential.refused_at:
            await self._store.release(lease)
            return None
        held = hold(credential.current, self.grant)
        request = await self._request(lease, credential, held.tokens, secrets)
        await self._store.mark_sent(lease)
        if time.monotonic() - taken > MARGIN:
            await self._store.release(lease, unused=True)
            return VendorUnavailable("The database is slow; no token was asked for.")
        began = datetime.now(UTC)
        outcome = await self.endpoint.ask(request, self.grant.read)
        if isinstance(outcome, EndpointFailure):
            return await self._failed(lease, outcome)
        self._issued += 1
        await self._keep(lease, outcome, held.tokens, began)
        return None

    async def _leasable(self, number: int) -> int:
        """Return the number of a version that can be leased; without one, store one without tokens."""
        if number == 0:
            await self._vault.refresh()
            if self._vault.current(self.name) is None:
                ended = datetime.now(UTC)
                payload = msgspec.json.encode(TokenSet())
                number = await self._store.replace(self.name, payload, kind=self._kind, expires_at=ended)
                await self._vault.refresh()
        return number

    @property
    def _kind(self) -> CredentialKind:
        return "session" if self.grant.kind == "login" else "oauth"

    async def _request(
        self, lease: RefreshLease, credential: Credential, tokens: TokenSet, secrets: Mapping[str, str]
    ) -> VendorRequest:
        """Build the request. Raises NeedsAuthorization if the refresh token must not be sent again."""
        if not self.grant.needs_person:
            return self.grant.own_request(secrets, self.scopes)
        if tokens.refresh_token is None:
            raise await self._refuse(lease, "the vendor gave no refresh token", "no_refresh_token")
        if self.grant.after_refresh == "gone" and credential.sent_version == lease.version:
            raise await self._refuse(lease, REPLY_LOST, "reply_lost")
        return self.grant.refresh_request(secrets, tokens.refresh_token)

    async def _failed(self, lease: RefreshLease, failure: EndpointFailure) -> Problem:
        """Handle a failed exchange. Raises NeedsAuthorization if no further attempt may help."""
        refusal, person = failure.refusal, self.grant.needs_person
        if person and refusal is not None and refusal.invalid_grant:
            raise await self._refuse(lease, f"{self._title} refuses the refresh token ({refusal.code})", refusal.code)
        if person and failure.maybe_used and self.grant.after_refresh == "gone":
            why = REPLY_LOST
            if failure.status is not None:
                why = (
                    f"{self._title} answered its last refresh with status {failure.status}, which may have used up the"
                    " refresh token"
                )
            raise await self._refuse(lease, why, failure.why)
        await self._store.release(lease, unused=not failure.maybe_used)
        if refusal is not None:
            self._note_failure(lease.version, refusal.code)
            secrets = ", ".join(self.grant.secrets)
            raise NeedsAuthorization(
                f"{self._title} refuses the {secrets} of {self.endpoint.connection}: {refusal.code}."
            )
        if failure.retry_after is not None:
            return VendorThrottled(f"{self._title} throttles tokens.", retry_after=failure.retry_after)
        return VendorUnavailable(f"{self._title} issued no token ({failure.why}).")

    async def _refuse(self, lease: RefreshLease, why: str, code: str) -> NeedsAuthorization:
        """Record that a person must authorise, and return the error that says so. Raises VersionMoved."""
        recorded = await self._store.refuse(self.name, lease.version, why)
        await self._vault.refresh()
        if not recorded and self.refused is None:
            raise VersionMoved(f"{self.name} has newer tokens than those that are refused.")
        self._note_failure(lease.version, code)
        return self._unauthorised()

    def _note_failure(self, version: int, code: str) -> None:
        _log.error(
            "no new tokens for %s: %s",
            *(self.endpoint.connection, code),
            extra={
                "connection": self.endpoint.connection,
                "credential": self.name,
                "credential_version": version,
                "vendor_code": code,
            },
        )

    async def _keep(self, lease: RefreshLease, issued: Issued, old: TokenSet, began: datetime) -> None:
        """Commit new tokens before their first use. Retries while the lease lasts: the old ones may be gone."""
        payload, ends_at = payload_of(issued, old, began, self.grant, self.scopes)
        keep_previous = self.grant.needs_person and self.grant.after_refresh != "gone"
        end = time.monotonic() + MARGIN
        while True:
            try:
                await self._store.replace(
                    *(self.name, payload),
                    kind=self._kind,
                    lease=lease,
                    expires_at=ends_at,
                    keep_previous=keep_previous,
                )
                break
            except StoreUnavailable:
                if time.monotonic() >= end:
                    raise
                await asyncio.sleep(PEER_SECONDS)
        await self._vault.refresh()
