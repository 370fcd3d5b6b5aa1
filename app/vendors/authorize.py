"""Authorise a connection: the vendor's page, its answer, and the end of the pause."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from app.credentials.consents import CONNECTED, Authorization, AuthorizationRequest, ConsentError
from app.credentials.tokens import Tokens
from app.errors import Complaint, StoreUnavailable
from app.problem_document import Problem
from app.queue.models import Pause
from app.queue.pauses import PostgresPauses
from app.vendors.client import VendorClient
from app.vendors.deps import ConsentDeps
from mappings.registry import VENDORS

PATIENCE: Final = 60.0


def page_of(deps: ConsentDeps, connection: str, authorization: AuthorizationRequest) -> str:
    """Return the URL of the vendor's page, which asks for the least scopes. Raises ConsentError."""
    tokens = tokens_of(deps.vendors, connection)
    base_url = tokens.endpoint.base_url
    parameters = {"redirect_uri": deps.redirect_uri, "state": authorization.state}
    parameters |= {"code_challenge": authorization.challenge, "code_challenge_method": "S256"}
    if tokens.scopes:
        parameters["scope"] = tokens.grant.separator.join(tokens.scopes)
    elsewhere = base_url != VENDORS[tokens.endpoint.vendor].default_base_url
    return tokens.grant.authorize_page(base_url, tokens.read_secrets(), parameters, elsewhere=elsewhere)


def tokens_of(vendors: VendorClient, connection: str) -> Tokens:
    """Return the tokens of a connection. Raises ConsentError if it has a static credential or is not configured."""
    tokens = vendors.tokens(connection)
    if tokens is None:
        raise ConsentError(
            f"{connection} has no grant: its credentials in lockstitch.toml are static, or it is unknown."
        )
    return tokens


async def take_answer(
    deps: ConsentDeps, authorization: AuthorizationRequest, answer: Mapping[str, str]
) -> Authorization:
    """Take the vendor's answer once, store the tokens and end the pause. Raises ConsentError, NeedsAuthorization,
    VendorUnavailable and StoreUnavailable, which says what was stored."""
    consent = await deps.consents.use(authorization, answer.get("state", ""))
    tokens = tokens_of(deps.vendors, consent.connection)
    outcome = "Lockstitch failed; its log says why. Fix that, then run lockstitch connect again."
    try:
        code = answer.get("code")
        if not code:
            raise ConsentError(f"The vendor did not authorise the connection: {_word(answer.get('error', 'no code'))}.")
        await tokens.read_again()
        request = tokens.grant.code_request(tokens.read_secrets(), code, deps.redirect_uri, authorization.verifier)
        await tokens.exchange(request, tokens.scopes, deps.store_for(consent.actor))
        await _end_pause_of_stored(deps, consent)
        outcome = CONNECTED
    except Complaint as error:
        outcome = str(error)
        raise
    except Problem as problem:
        outcome = problem.detail
        raise
    finally:
        with suppress(StoreUnavailable):  # the terminal reports that it was not recorded
            await deps.consents.settle(authorization, outcome)
    return consent


async def _end_pause_of_stored(deps: ConsentDeps, consent: Authorization) -> None:
    try:
        await end_pause(deps.pauses, consent.connection, actor=consent.actor)
    except StoreUnavailable as error:
        raise StoreUnavailable(
            f"The tokens of {consent.connection} are stored, but the database did not confirm that its pause ended."
            f" If lockstitch connections shows one, run: lockstitch connections resume {consent.connection}."
        ) from error


async def obtain(vendors: VendorClient, pauses: PostgresPauses, connection: str, *, actor: str) -> None:
    """Obtain tokens without a person, and end the pause. Raises NeedsAuthorization and the vendor's problems."""
    await tokens_of(vendors, connection).obtain(time.monotonic() + PATIENCE)
    await end_pause(pauses, connection, actor=actor)


async def end_pause(pauses: PostgresPauses, connection: str, *, actor: str, accepted: bool = True) -> Pause | None:
    """End the pause for a refused credential or another account, and return the pause. That of an operator stays.

    `accepted`: the vendor has accepted the new credential; otherwise the next request decides. It checks the account.
    """
    while True:
        await pauses.refresh()
        pause = pauses.known.get(connection)
        if pause is None or pause.reason == "operator":
            return pause
        if await pauses.resume(connection, actor=actor, only=pause):
            break
    if accepted:
        await pauses.credential_accepted(connection)
    return pause


def _word(text: str) -> str:
    """Return a vendor's error code, or a word for one that is none."""
    return text if text.replace("_", "").isalnum() and text.isascii() and len(text) <= 64 else "unknown error"
