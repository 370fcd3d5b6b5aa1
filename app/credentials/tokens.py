"""The tokens of a connection: used from memory, and renewed ahead of their end (`token_refresh`)."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from app.credentials.models import VersionMoved
from app.credentials.secrets import VAULT
from app.credentials.store import PostgresCredentials
from app.credentials.token_endpoint import EndpointFailure, TokenEndpoint
from app.credentials.token_refresh import MARGIN, TokenRefresh
from app.credentials.token_set import CurrentTokens, NeedsAuthorization, ScopeState, TokenSet, payload_of
from app.credentials.vault import Vault
from app.errors import StoreUnavailable, VendorThrottled, VendorTimeout, VendorUnavailable
from mappings.http import VendorRequest
from mappings.tokens import Grant

ATTEMPTS: Final = 3
LONGEST_REST: Final = 30.0


class Tokens(CurrentTokens):
    """The credential of one connection. `read_secrets` returns the secrets of the grant, `read_again` follows a store
    outside; `scopes` are needed, `missing` computes those that were not granted."""

    def __init__(
        self,
        grant: Grant,
        endpoint: TokenEndpoint,
        vault: Vault,
        store: PostgresCredentials,
        read_secrets: Callable[[], Mapping[str, str]],
        read_again: Callable[[], Awaitable[None]],
        *,
        title: str,
        scopes: tuple[str, ...] = (),
        missing: Callable[[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = lambda needed, granted: (),
        note_use: Callable[[str, str], None] = lambda name, part: None,
    ) -> None:
        super().__init__(endpoint.connection, grant, vault)
        self.scopes = scopes
        self.endpoint = endpoint
        self.read_secrets = read_secrets
        self.read_again = read_again
        self._refresh = TokenRefresh(self, endpoint, store, read_secrets, read_again, title=title, scopes=scopes)
        self._title = title
        self._missing = missing
        self._note_use = note_use
        self._running: asyncio.Task[None] | None = None
        self._rest = 0.0
        self._rests_until = 0.0

    def __repr__(self) -> str:
        return f"Tokens(connection={self.connection!r})"

    @property
    def header(self) -> tuple[str, str]:
        """The header with the present access token; call `ready` first. Raises NeedsAuthorization."""
        stored = self.stored
        if stored is None:
            raise self.unauthorised()
        return stored.header

    @property
    def named(self) -> tuple[str, ...]:
        """The name of the credential in use."""
        return (self.name if self.version is None else f"{self.name}#{self.version}",)

    def scope_state(self) -> ScopeState:
        """Return the needed, granted and missing scopes."""
        stored = self.stored
        if stored is None or not stored.tokens.access_token:
            return ScopeState(needed=self.scopes, granted=None, missing=())
        granted = stored.tokens.granted
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
                    await self.vault.refresh()  # a person may have authorised it a moment ago
                if self.refused is not None:
                    raise self.unauthorised()
            stored = self.stored
            if stored is not None and renewed is not None and stored.number > renewed and stored.tokens.access_token:
                return  # used even if its life is shorter than the time to get it
            now = time.time()
            if stored is not None and now < stored.ends_at:
                if now >= stored.renew_at and time.monotonic() >= self._rests_until:
                    self._begin(stored.number)
                return
            renewed = 0 if stored is None else stored.number
            await self._renewed(renewed, deadline)

    @property
    def unreadable(self) -> None:
        """Nothing has to be read again."""

    def renew(self) -> None:
        """Nothing has to be read again: the vault is followed."""

    def note_use(self, part: str) -> None:
        """Record that the tokens were used now."""
        self._note_use(f"{VAULT}{self.named[0]}", f"{self.connection} {part}")

    async def renewed_since(self, used: tuple[str, str], deadline: float) -> bool:
        """Return whether there is another token than `used`, which the vendor refused; renew it if there is not.

        A token that was replaced meanwhile starts no refresh. Raises like `ready`.
        """
        if self.header != used:
            return True
        await self.vault.refresh()
        stored = self.stored
        if stored is None or stored.header != used:
            return stored is not None
        if self.refused is not None:
            raise self.unauthorised()
        await self._renewed(stored.number, deadline)
        return self.header != used

    async def obtain(self, deadline: float) -> None:
        """Ask for new tokens now, for example to prove the secrets: those of another process prove nothing. Raises like
        `ready`."""
        self._rests_until = 0.0
        issued = self._refresh.issued
        while self._refresh.issued == issued:
            await self._renewed(self.version or 0, deadline)
            if self.refused is not None:
                raise self.unauthorised()

    async def renew_if_due(self) -> None:
        """Renew unused tokens, so that their refresh token does not end. Raises like `ready`."""
        stored = self.stored
        if stored is not None and self.refused is None and time.time() >= stored.renew_at:
            await asyncio.shield(self._begin(stored.number))

    async def exchange(self, request: VendorRequest, requested: tuple[str, ...], store: PostgresCredentials) -> None:
        """Store what the vendor issues for a code, in place of any version. Raises NeedsAuthorization,
        VendorUnavailable and StoreUnavailable."""
        began = datetime.now(UTC)
        outcome = await self.endpoint.ask(request, self.grant.read)
        if isinstance(outcome, EndpointFailure):
            if outcome.refusal is not None:
                raise NeedsAuthorization(f"{self._title} refuses the code: {outcome.refusal.code}.")
            raise VendorUnavailable(f"{self._title} did not exchange the code ({outcome.why}).")
        payload, ends_at = payload_of(outcome, TokenSet(requested=requested), began, self.grant, requested)
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
                f" lockstitch connect {self.connection}."
            ) from error
        with suppress(StoreUnavailable):
            await self.vault.refresh()

    async def close(self) -> None:
        """Wait for a refresh in progress: its reply must be stored."""
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=self.endpoint.seconds + MARGIN)

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
            self._running = asyncio.create_task(self._renew(number), name=f"tokens of {self.connection}")
            self._running.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        return self._running

    async def _renew(self, number: int) -> None:
        for attempt in range(ATTEMPTS):
            try:
                failure = await self._refresh.once(number)
            except VersionMoved:  # another process has stored newer tokens, or a person has authorised again
                await self.vault.refresh()
                failure = None
            if failure is None:
                self._rest = 0.0
                return
            if isinstance(failure, VendorThrottled) or attempt + 1 == ATTEMPTS:
                self._rest = min(LONGEST_REST, max(1.0, 2 * self._rest))
                self._rests_until = time.monotonic() + max(self._rest, failure.retry_after or 0.0)
                raise failure
            await asyncio.sleep(0.2 * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
