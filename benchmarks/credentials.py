"""Measure what a warm credential costs a request: its header, and the record of its use. No query, no lock."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Final, cast

from app.credentials.last_use import LastUse
from app.credentials.models import Credential, CredentialKind, Version, VersionState
from app.credentials.secrets import Secrets
from app.credentials.store import PostgresCredentials
from app.credentials.token_endpoint import TokenEndpoint
from app.credentials.token_set import SUFFIX
from app.credentials.tokens import Tokens
from app.credentials.vault import Vault
from app.postgres.database import Database
from app.settings.connections import ConnectionSettings, WebhookSecretSettings
from app.vendors.credentials import CredentialHeader
from benchmarks import figures
from mappings.registry import VENDORS

TARGET_US: Final = 20.0
ROUNDS: Final = 5
READS: Final = 100_000
NOW: Final = datetime.now(UTC)
STATES: Final[tuple[VersionState, ...]] = ("previous", "current", "next")


class _Stored:
    """A store with a secret and the tokens of a grant, each in three versions."""

    async def read(self, known: object) -> Mapping[str, Credential]:
        """Return the credentials in the vault."""
        versions = {
            state: Version(
                number=number,
                state=state,
                payload=b'{"access_token":"token-%d"}' % number,
                expires_at=NOW + timedelta(hours=1),
                accepted_until=None,
                created_at=NOW,
                changed_at=NOW,
            )
            for number, state in enumerate(STATES, 1)
        }
        kinds: tuple[tuple[str, CredentialKind], ...] = (("crm", "secret"), (f"crm{SUFFIX}", "oauth"))
        return {
            name: Credential(
                name=name, kind=kind, max_age=None, sent_version=None, refused_at=None, refused_why=None, **versions
            )
            for name, kind in kinds
        }


def measure() -> None:
    """Print µs for each use, and whether the target is kept."""
    vault = Vault(cast(PostgresCredentials, _Stored()))
    asyncio.run(vault.refresh())
    secrets = Secrets({}, vault, LastUse(cast(Database, None)))
    header = CredentialHeader(_connection(), VENDORS["hubspot"].auth, secrets)
    setting = WebhookSecretSettings(secret="vault:crm")

    tokens = Tokens(
        VENDORS["hubspot"].grants[0],
        cast(TokenEndpoint, SimpleNamespace(connection="crm")),
        vault,
        vault.store,
        *(dict, vault.refresh),
        title="HubSpot",
        note_use=secrets.note_use,
    )

    def call() -> None:
        _ = header.header
        header.note_use("read")

    def webhook() -> None:
        for _, name in secrets.accepted(setting):
            secrets.note_use(name, "crm webhook")

    print(f"Warm credential of the vault ({ROUNDS} rounds of {READS} uses; target below {TARGET_US:g} us)")
    for title, use in (("header of a vendor call", call), ("secrets of a webhook", webhook)):
        middle = figures.raw(title, [_round(use) for _ in range(ROUNDS)], "us")
        print(f"    {'kept' if middle < TARGET_US else 'MISSED'}")
    middle = figures.raw("tokens of a grant", [asyncio.run(_token_round(tokens)) for _ in range(ROUNDS)], "us")
    print(f"    {'kept' if middle < TARGET_US else 'MISSED'}")
    print()


def _round(use: Callable[[], None]) -> float:
    began = time.process_time()
    for _ in range(READS):
        use()
    return (time.process_time() - began) / READS * 1e6


async def _token_round(tokens: Tokens) -> float:
    began = time.process_time()
    for _ in range(READS):
        await tokens.ready(began)
        _ = tokens.header
        tokens.note_use("read")
    return (time.process_time() - began) / READS * 1e6


def _connection() -> ConnectionSettings:
    return ConnectionSettings(
        name="crm",
        vendor="hubspot",
        base_url=None,
        credentials={"token": "vault:crm"},
        custom_fields={},
        pacing=None,
        webhook_secrets=(),
        pending=False,
    )
