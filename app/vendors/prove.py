"""Prove a new secret before it is promoted: whatever the present one may read, the new one must read too."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from app.credentials.secrets import NoSecret, Secrets
from app.errors import VendorAuthFailed
from app.problem_document import Problem
from app.settings.connections import ConnectionSettings
from app.settings.environment import Settings
from app.settings.reading import SettingsError
from app.signatures import UnusableSecret, check_secret
from app.vendors.client import VendorClient
from app.vendors.configured_connections import connections_of
from app.vendors.models import VendorRefused
from app.vendors.open_client import open_vendor_client
from app.vendors.store import PostgresBoundAccounts
from mappings.endpoints import ListQuery
from mappings.registry import VENDORS, active, objects_of

SECONDS: Final = 30.0


class Proof(Struct, frozen=True, kw_only=True):
    """The result at one connection. `why` it failed holds no part of a secret. `unauthorised`: nothing works there
    before a person authorises it, so nothing can be proven or lost. Proven if it is neither."""

    connection: str
    why: str | None = None
    unauthorised: bool = False


class CandidateSecrets(Secrets):
    """The secrets with `value` in place of what `reference` leads to."""

    def __init__(self, secrets: Secrets, reference: str, value: str) -> None:
        super().__init__({}, secrets.vault)
        self._others = secrets
        self._reference = reference
        self._value = value

    def read(self, reference: str) -> str:
        """Return the secret. Raises like `Secrets.read`."""
        return self._value if reference == self._reference else self._others.read(reference)


def calling(settings: Settings, reference: str) -> Mapping[str, ConnectionSettings]:
    """Return the connections that are called with this secret."""
    return {
        name: one
        for name, one in settings.connections.items()
        if one.vendor in VENDORS and reference in one.credentials.values()
    }


def verifying(settings: Settings, reference: str) -> Sequence[str]:
    """Return the connections whose webhooks are verified with this secret."""
    return [
        name
        for name, one in settings.connections.items()
        if any(reference == entry.secret for entry in one.webhook_secrets)
    ]


def complaints_about(settings: Settings, reference: str, value: str) -> Sequence[str]:
    """Return why this value cannot be the secret of `reference`, without asking anybody: it fits no header, or not the
    scheme of its webhooks."""
    complaints = []
    connections = connections_of(settings).by_name
    for name in verifying(settings, reference):
        if name in connections and (webhooks := connections[name].vendor.webhooks) is not None:
            try:
                check_secret(webhooks.scheme, value)
            except UnusableSecret as error:
                complaints.append(f"{name}, webhook_secrets: {error}.")
    for name, configured in calling(settings, reference).items():
        if not VENDORS[configured.vendor].auth.basic and not (value.isascii() and value.isprintable()):
            complaints.append(f"{name}: it contains a character that is not allowed in an HTTP header.")
    return complaints


async def prove(
    settings: Settings, secrets: Secrets, reference: str, value: str, bound: PostgresBoundAccounts
) -> Sequence[Proof]:
    """Read at every connection that refers to the secret, with this value. It must open the account that the connection
    is bound to. Nothing is changed anywhere."""
    candidate = CandidateSecrets(secrets, reference, value)
    return [await _prove_one(settings, name, secrets, candidate, bound) for name in calling(settings, reference)]


async def _prove_one(
    settings: Settings, name: str, secrets: Secrets, candidate: CandidateSecrets, bound: PostgresBoundAccounts
) -> Proof:
    proof = partial(Proof, connection=name)
    alone = msgspec.structs.replace(settings, connections={name: settings.connections[name]})
    try:
        async with open_vendor_client(alone, candidate, bound=bound) as client:
            if (tokens := client.tokens(name)) is not None:
                if tokens.grant.needs_person and tokens.refused is not None:
                    return proof(unauthorised=True)
                # The secret of a client is used for new tokens only. Those that it obtains are stored, and used.
                await tokens.obtain(time.monotonic() + SECONDS)
                return proof()
            refused, read = await _read_everything(client, alone, name)
        if not refused and read:
            return proof()
        read_before = await _read_now(alone, name, secrets)
    except (VendorAuthFailed, NoSecret) as error:
        return proof(why=error.detail if isinstance(error, Problem) else str(error))
    except (Problem, SettingsError) as error:
        return proof(why=f"it could not be tried: {error.detail if isinstance(error, Problem) else error}")
    if lost := sorted(refused & read_before):
        return proof(why=f"it may not read {', '.join(lost)}, and the present one may.")
    return proof(why=None if read else "it may read nothing.")


async def _read_now(alone: Settings, name: str, secrets: Secrets) -> set[str]:
    """Return what the present secret may read: nothing, if the vendor refuses it already."""
    try:
        async with open_vendor_client(alone, secrets) as client:
            return (await _read_everything(client, alone, name))[1]
    except (VendorAuthFailed, NoSecret):
        return set()


async def _read_everything(client: VendorClient, settings: Settings, name: str) -> tuple[set[str], set[str]]:
    """Read one page of each object. Return the refused and the read objects. Raises Problem, such as
    VendorAuthFailed."""
    connection = connections_of(settings).by_name[name]
    refused, read = set[str](), set[str]()
    account = await client.account(connection, deadline=time.monotonic() + SECONDS)
    for name_of_object in objects_of(connection.vendor.name):
        mapping = active(connection.vendor, name_of_object)
        if mapping is None or mapping.endpoints.list is None:
            continue
        request = mapping.endpoints.list(ListQuery(limit=1), account)
        try:
            await client.send(connection, request, deadline=time.monotonic() + SECONDS)
        except VendorRefused:
            refused.add(f"{name_of_object}s")
        else:
            read.add(f"{name_of_object}s")
    return refused, read
