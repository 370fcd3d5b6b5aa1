"""Open the connections for a command."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.cli.database import find_environment
from app.cli.open_vault import OpenedVault
from app.credentials.secrets import Secrets
from app.egress.exchange import SendsNothing
from app.queue.lanes import PostgresLanes
from app.vendors.budget_store import PostgresBudgets
from app.vendors.configured_connections import connections_of
from app.vendors.deps import VendorDeps
from app.vendors.observations import Observations
from app.vendors.open_client import open_vendor_client
from app.vendors.refused_webhooks import WebhookStates
from app.vendors.store import PostgresBoundAccounts
from app.wiring.connections import pauses_of


class NoSecrets(Secrets):
    """For commands that send nothing: no secret has to be in the environment of the operator."""

    def read(self, reference: str) -> str:
        return ""


@asynccontextmanager
async def open_vendors(opened: OpenedVault, secrets: type[Secrets]) -> AsyncIterator[VendorDeps]:
    """Open the connections with their client. It sends nothing without secrets."""
    settings, database = opened.settings, opened.database
    pauses, bound = pauses_of(database, opened.sealer), PostgresBoundAccounts(database)
    await pauses.refresh()
    read = secrets(find_environment(os.environ), opened.vault)
    wire = SendsNothing() if secrets is NoSecrets else None
    async with open_vendor_client(settings, read, pauses=pauses, bound=bound, wire=wire) as client:
        yield VendorDeps(
            connections=connections_of(settings),
            vendors=client,
            lanes=PostgresLanes(database),
            pauses=pauses,
            observations=Observations(database),
            webhooks=WebhookStates(database),
            bound=bound,
            budgets=PostgresBudgets(database),
        )
