"""Dependencies of calls to vendors, and of connections for operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.credentials.consents import Consents
    from app.credentials.store import PostgresCredentials
    from app.queue.lanes import PostgresLanes
    from app.queue.pauses import PostgresPauses
    from app.vendors.budget_store import PostgresBudgets
    from app.vendors.client import VendorClient
    from app.vendors.models import Connections
    from app.vendors.observations import Observations
    from app.vendors.refused_webhooks import WebhookStates
    from app.vendors.store import PostgresBoundAccounts


@dataclass(frozen=True, kw_only=True)
class VendorDeps:
    """The configured connections, the client, their lanes and pauses, what the processes observe of them, whether
    their webhooks are verified, the accounts that they are bound to, and what may be asked of them."""

    connections: Connections
    vendors: VendorClient
    lanes: PostgresLanes
    pauses: PostgresPauses
    observations: Observations
    webhooks: WebhookStates
    bound: PostgresBoundAccounts
    budgets: PostgresBudgets


@dataclass(frozen=True, kw_only=True)
class ConsentDeps:
    """What authorises connections. `store_for` returns the credentials for an actor of the audit trail."""

    vendors: VendorClient
    pauses: PostgresPauses
    consents: Consents
    store_for: Callable[[str], PostgresCredentials]
    public_url: str

    @property
    def redirect_uri(self) -> str:
        """Where the vendor sends the browser back to. It is registered with the vendor's app."""
        return f"{self.public_url}/oauth/callback"
