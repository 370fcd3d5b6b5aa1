"""The database, Lockstitch on it, and the key of its caller."""

from typing import Final

from tests.hosts.cluster import BY_PROXY, NODES, Cluster, wait_until
from tests.hosts.installation import CALLS, HOOK, Installation, by_hosts

SCOPES: Final = (
    "customers:read",
    "customers:write",
    "orders:read",
    "tickets:read",
    "subscriptions:write",
    "events:read",
)
PROXY: Final = "HAProxy"
URL: Final = "hosts in the URL"
FIRST: Final = "primary first in the URL"
LAST: Final = "primary last in the URL"


class Lab:
    """Runs with one route to the primary at a time."""

    def __init__(self, cluster: Cluster, installation: Installation) -> None:
        self.cluster = cluster
        self.installation = installation
        self.database_url = ""
        self.key = ""

    def use(self, route: str) -> None:
        """Reach the primary by this route; restart the processes if they use another."""
        primary = self.cluster.primary()
        others = [number for number in NODES if number != primary]
        orders = {FIRST: [[primary, *others]], LAST: [[*others, primary]]}
        orders[URL] = [*orders[FIRST], *orders[LAST], [others[0], primary, others[1]]]
        urls = [BY_PROXY] if route == PROXY else [by_hosts(order) for order in orders[route]]
        if self.database_url not in urls:
            self.run(urls[0])

    def run(self, database_url: str) -> float:
        """Restart the processes with this URL of the database. Return how many seconds they took to be ready."""
        self.stop()
        took = self.installation.start(database_url)
        self.database_url = database_url
        if not self.key:
            scopes = [word for scope in SCOPES for word in ("--scope", scope)]
            self.key = self.installation.command("key", "create", "load", *scopes).strip()
            wait_until("a subscription", self._subscribe)
        return max(took.values())

    def stop(self) -> None:
        """Stop the APIs and workers, if they run."""
        if self.database_url:
            self.installation.stop()
            self.database_url = ""

    def restart(self, host: str, *, ahead: str = "") -> None:
        """Start the process of a host that has ended, with a clock that is `ahead`, and wait until it is ready."""
        self.installation.start_one(host, self.database_url, ahead=ahead)
        wait_until(f"{host} ready", lambda: self.installation.is_ready(host))

    def _subscribe(self) -> bool:
        headers = {"authorization": f"Bearer {self.key}", "idempotency-key": "subscription"}
        target = f"http://{HOOK[0]}:{HOOK[1]}/"
        subscription = {"target_url": target, "events": ["webhook.received", "customer.updated"]}
        answer = self.installation.http.post(f"{CALLS}/v1/subscriptions", json=subscription, headers=headers)
        assert answer.status_code in (201, 503), answer.text
        return answer.status_code == 201
