"""One refresh of a connection's tokens, by one process for all.

The refresher holds a fenced lease, and a lock that ends with its process, and records that it sends before it sends.
The new tokens are committed before their first use. All others wait for the version to rise, or until the refresher is
gone. A refresh token that the vendor deletes at its use is never sent twice: after a lost reply a person must authorise
again. Other kinds are tried again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from app.credentials.models import Credential, CredentialKind, RefreshLease, VersionMoved
from app.credentials.secrets import NoSecret
from app.credentials.store import PostgresCredentials
from app.credentials.token_endpoint import EndpointFailure, TokenEndpoint
from app.credentials.token_set import CurrentTokens, NeedsAuthorization, TokenSet, payload_of, read_tokens
from app.errors import StoreUnavailable, VendorThrottled, VendorUnavailable
from app.problem_document import Problem
from app.settings.reading import SettingsError
from mappings.http import VendorRequest
from mappings.tokens import Issued

_log = logging.getLogger("lockstitch.credentials")

# Seconds. The lease outlasts the timeout of the token endpoint by twice this: once before the call, once after it.
MARGIN: Final = 10.0
# How long to wait for another process before looking whether its lease has ended.
PEER_SECONDS: Final = 0.5
GONE_SECONDS: Final = 2.0
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

    def note(self, token: UUID | None) -> None:
        """Note the lease that has no living holder now."""
        if token != self._suspect:
            self._suspect, self._since = token, time.monotonic()


class TokenRefresh:
    """Obtains new tokens of one connection. `issued` counts how often the vendor issued some to this process."""

    def __init__(
        self,
        current: CurrentTokens,
        endpoint: TokenEndpoint,
        store: PostgresCredentials,
        read_secrets: Callable[[], Mapping[str, str]],
        read_again: Callable[[], Awaitable[None]],
        *,
        title: str,
        scopes: tuple[str, ...],
    ) -> None:
        self.issued = 0
        self._current = current
        self._grant = current.grant
        self._endpoint = endpoint
        self._vault = current.vault
        self._store = store
        self._read_secrets = read_secrets
        self._read_again = read_again
        self._title = title
        self._scopes = scopes

    async def once(self, number: int) -> Problem | None:
        """Obtain new tokens, or wait until another process has. Return why a further attempt may help.

        Raises NeedsAuthorization if none does, and VersionMoved.
        """
        try:
            secrets = self._read_secrets()
        except NoSecret as error:
            raise NeedsAuthorization(str(error)) from error
        except SettingsError as error:  # a file that is being replaced, or a provider that does not answer
            return VendorUnavailable(str(error))
        number = await self._leasable(number)
        seconds, gone = self._endpoint.seconds + 2 * MARGIN, GoneHolder()
        while True:
            async with self._store.leased(self._current.name, seconds=seconds, instead_of=gone.token) as lease:
                if lease is not None:
                    return await self._renew_under(lease, number, secrets)
            gone.note(await self._store.gone_holder(self._current.name))
            newer = await self._vault.newer(self._current.name, number, seconds=PEER_SECONDS)
            if newer is not None or self._current.refused is not None or self._current.version is None:
                return None

    async def _renew_under(self, lease: RefreshLease, number: int, secrets: Mapping[str, str]) -> Problem | None:
        """Obtain new tokens under the lease. Returns and raises like `once`."""
        taken = time.monotonic()
        await self._vault.refresh()
        credential = self._vault.get(self._current.name)
        if credential is None or credential.current is None or lease.version > number or credential.refused_at:
            await self._store.release(lease)
            return None
        stored = read_tokens(credential.current, self._grant)
        request = await self._request(lease, credential, stored.tokens, secrets)
        await self._store.mark_sent(lease)
        if time.monotonic() - taken > MARGIN:
            await self._store.release(lease, unused=True)
            return VendorUnavailable("The database is slow; no token was asked for.")
        began = datetime.now(UTC)
        outcome = await self._endpoint.ask(request, self._grant.read)
        if isinstance(outcome, EndpointFailure):
            return await self._failed(lease, outcome, secrets)
        self.issued += 1
        await self._keep(lease, outcome, stored.tokens, began)
        return None

    async def _leasable(self, number: int) -> int:
        """Return the number of a version that can be leased; without one, store one without tokens."""
        if number == 0:
            await self._vault.refresh()
            if self._vault.current(self._current.name) is None:
                ended = datetime.now(UTC)
                payload = msgspec.json.encode(TokenSet())
                number = await self._store.replace(self._current.name, payload, kind=self._kind, expires_at=ended)
                await self._vault.refresh()
        return number

    @property
    def _kind(self) -> CredentialKind:
        return "session" if self._grant.kind == "login" else "oauth"

    async def _request(
        self, lease: RefreshLease, credential: Credential, tokens: TokenSet, secrets: Mapping[str, str]
    ) -> VendorRequest:
        """Build the request. Raises NeedsAuthorization if the refresh token must not be sent again."""
        if not self._grant.needs_person:
            return self._grant.own_request(secrets, self._scopes)
        if tokens.refresh_token is None:
            raise await self._refuse(lease, "the vendor gave no refresh token", "no_refresh_token")
        if self._grant.after_refresh == "gone" and credential.sent_version == lease.version:
            raise await self._refuse(lease, REPLY_LOST, "reply_lost")
        return self._grant.refresh_request(secrets, tokens.refresh_token)

    async def _failed(self, lease: RefreshLease, failure: EndpointFailure, secrets: Mapping[str, str]) -> Problem:
        """Handle a failed exchange with these secrets. Raises NeedsAuthorization if no further attempt may help."""
        refusal, person = failure.refusal, self._grant.needs_person
        if person and refusal is not None and refusal.invalid_grant:
            raise await self._refuse(lease, f"{self._title} refuses the refresh token ({refusal.code})", refusal.code)
        if person and failure.maybe_used and self._grant.after_refresh == "gone":
            why = REPLY_LOST
            if failure.status is not None:
                why = (
                    f"{self._title} answered its last refresh with status {failure.status}, which may have used up the"
                    " refresh token"
                )
            raise await self._refuse(lease, why, failure.why)
        await self._store.release(lease, unused=not failure.maybe_used)
        if refusal is not None:
            await self._read_again()
            if self._read_secrets() != secrets:
                return VendorUnavailable(f"{self._title} refuses the former secrets of {self._current.connection}.")
            self._note_failure(lease.version, refusal.code)
            names = ", ".join(self._grant.secrets)
            raise NeedsAuthorization(
                f"{self._title} refuses the {names} of {self._current.connection}: {refusal.code}."
            )
        if failure.retry_after is not None:
            return VendorThrottled(f"{self._title} throttles tokens.", retry_after=failure.retry_after)
        return VendorUnavailable(f"{self._title} issued no token ({failure.why}).")

    async def _refuse(self, lease: RefreshLease, why: str, code: str) -> NeedsAuthorization:
        """Record that a person must authorise, and return the error that says so. Raises VersionMoved."""
        recorded = await self._store.refuse(self._current.name, lease.version, why)
        await self._vault.refresh()
        if not recorded and self._current.refused is None:
            raise VersionMoved(f"{self._current.name} has newer tokens than those that are refused.")
        self._note_failure(lease.version, code)
        return self._current.unauthorised()

    def _note_failure(self, version: int, code: str) -> None:
        _log.error(
            "no new tokens for %s: %s",
            *(self._current.connection, code),
            extra={
                "connection": self._current.connection,
                "credential": self._current.name,
                "credential_version": version,
                "vendor_code": code,
            },
        )

    async def _keep(self, lease: RefreshLease, issued: Issued, old: TokenSet, began: datetime) -> None:
        """Commit new tokens before their first use. Retries while the lease lasts: the old ones may be gone."""
        payload, ends_at = payload_of(issued, old, began, self._grant, self._scopes)
        keep_previous = self._grant.needs_person and self._grant.after_refresh != "gone"
        end = time.monotonic() + MARGIN
        while True:
            try:
                await self._store.replace(
                    *(self._current.name, payload),
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
