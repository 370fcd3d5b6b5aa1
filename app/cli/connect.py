"""`lockstitch connect`: authorise connections."""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
from cyclopts import Parameter

from app.cli.database import find_settings, require_connection
from app.cli.exits import REFUSED
from app.cli.open_vault import OpenedVault, with_vault
from app.cli.open_vendors import open_vendors
from app.cli.operators import actor, print_pause
from app.cli.printing import Flag, log_nothing
from app.credentials.consents import CONNECTED, AuthorizationRequest, ConsentError
from app.credentials.secrets import NoSecret, Secrets
from app.credentials.token_set import ScopeState
from app.problem_document import Problem
from app.queue.models import Pause
from app.vendors.authorize import obtain, page_of, take_answer, tokens_of
from app.vendors.deps import ConsentDeps
from app.wiring.connections import consents_of

POLL_SECONDS: Final = 0.5

NAME = Parameter(name="NAME", help="The connection, as in `lockstitch.toml`.")
PASTE = Parameter(help="The browser cannot reach the API: paste the address to which the vendor sends it.")


def connect(name: Annotated[str, NAME], /, *, paste: Annotated[Flag, PASTE] = False) -> None:
    """Authorise a connection, or authorise it again.

    Prints a link. Open it in a browser, and agree at the vendor. A connection whose grant needs no person gets its
    tokens at once.
    """
    settings = find_settings(os.environ)
    require_connection(settings, name)
    log_nothing()
    alone = msgspec.structs.replace(settings, connections={name: settings.connections[name]})
    try:
        scopes, pause = with_vault(alone, lambda vault: _connect(vault, name, paste=paste))
    except (ConsentError, NoSecret, Problem) as error:
        sys.stderr.write(f"{error.detail if isinstance(error, Problem) else error}\n")
        sys.exit(REFUSED)
    sys.stdout.write(f"{name} is connected.\n")
    print_pause(name, pause)
    if scopes.granted:
        sys.stdout.write(f"Granted: {', '.join(scopes.granted)}.\n")
    if scopes.missing:
        sys.stdout.write(f"Missing: {', '.join(scopes.missing)}. Calls that need them are refused by the vendor.\n")


async def _connect(opened: OpenedVault, name: str, *, paste: bool) -> tuple[ScopeState, Pause | None]:
    """Return the scopes, and the pause that is left."""
    async with open_vendors(opened, Secrets) as vendors:
        deps = consents_of(opened.settings, opened.database, opened.sealer, vendors)
        tokens = tokens_of(vendors.vendors, name)
        if any(one == tokens.name for one, _ in opened.store.unreadable):
            raise ConsentError(
                f"LOCKSTITCH_ENCRYPTION_KEYS does not open {tokens.name}: set it as for the processes. If the key is"
                f" lost: lockstitch secrets revoke {tokens.name}"
            )
        if not tokens.grant.needs_person:
            await obtain(deps.vendors, deps.pauses, name, actor=actor())
        elif paste:
            await _paste(deps, name)
        else:
            await _wait_for_browser(deps, name)
        await opened.vault.refresh()
        await deps.pauses.refresh()
        return tokens.scope_state(), deps.pauses.known.get(name)


async def _wait_for_browser(deps: ConsentDeps, name: str) -> None:
    begun = AuthorizationRequest.new()
    await deps.consents.begin(begun, name, actor=actor(), opened=False)
    sys.stdout.write(
        f"Open this link in a browser. It works once:\n\n{deps.public_url}/oauth/start?run={begun.value}\n\n"
    )
    sys.stdout.write("Waiting. If the browser cannot reach Lockstitch, stop and use --paste.\n")
    sys.stdout.flush()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        consent = await deps.consents.find(begun)
        if consent is not None and consent.outcome == CONNECTED:
            return
        if consent is not None and consent.outcome is not None:
            raise ConsentError(consent.outcome)
        if consent is not None and consent.ended and consent.used_at is not None:
            raise ConsentError(
                "Lockstitch stopped or lost its database before it recorded the outcome. If lockstitch connections"
                f" does not show {name} as connected, run lockstitch connect again."
            )
        if consent is None or consent.ended:
            raise ConsentError("Nobody finished the authorisation in time.")


async def _paste(deps: ConsentDeps, name: str) -> None:
    begun = AuthorizationRequest.new()
    await deps.consents.begin(begun, name, actor=actor(), opened=True)
    sys.stdout.write(f"Open this page in a browser:\n\n{page_of(deps, name, begun)}\n\n")
    sys.stdout.write("Paste the address to which the vendor sends you, and press Enter:\n")
    sys.stdout.flush()
    line = await asyncio.to_thread(sys.stdin.readline)
    answer: Mapping[str, str] = dict(parse_qsl(urlsplit(line.strip()).query))
    if "state" not in answer:
        raise ConsentError(
            "This is not the whole address, which ends with ?code=… and &state=…. Nothing was stored. Try it again:"
            f" lockstitch connect {name} --paste"
        )
    await take_answer(deps, begun, answer)
