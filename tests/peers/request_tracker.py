"""Lockstitch before a real Request Tracker, with a proxy between them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.contract.callers import Caller
from tests.peers.lockstitch import running_lockstitch
from tests.peers.losing import Loser, losing
from tests.peers.peer import running_peer

PEER = "request-tracker"
API = "/REST/2.0"
# A change is nine calls, and Perl is slow on a busy machine.
LEASE_SECONDS = 90
CONFIGURATION = """
[connections.rt]
vendor = "rt"
base_url = "{proxy}"
credentials = {{ token = "env:RT_TOKEN" }}
custom_fields = {{ tickets = [
  {{ key = "order", vendor_field = "Order" }},
  {{ key = "labels", vendor_field = "Labels", type = "multi_enum" }},
  {{ key = "bought", vendor_field = "Bought", type = "date" }},
  {{ key = "called", vendor_field = "Called", type = "datetime" }},
  {{ key = "matter", vendor_field = "Matter", type = "enum" }},
  {{ key = "nowhere", vendor_field = "Nowhere" }},
] }}

[connections.locked]
vendor = "rt"
base_url = "{proxy}"
credentials = {{ token = "env:RT_WRONG_TOKEN" }}

[systems_of_record]
tickets = "rt"
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Lockstitch as its caller has it, the proxy behind it, and the peer behind that. `queues` are by name."""

    caller: Caller
    proxy: Loser
    peer: httpx.Client
    queues: dict[str, str]

    def at_peer(self, method: str, path: str, body: Any = None) -> Any:
        """What is done at the peer itself."""
        answer = self.peer.request(method, f"{API}{path}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def search(self, query: str) -> list[str]:
        """The numbers of the peer's tickets that a search finds."""
        items = self.peer.get(f"{API}/tickets", params={"query": query}).json()["items"]
        return [one["id"] for one in items]

    def ticket(self, subject: str, **fields: Any) -> dict[str, Any]:
        """A ticket in the first queue, made through Lockstitch."""
        body = {"subject": subject, "team": {"connection": "rt", "remote_id": self.queues["General"]}, **fields}
        return self.caller.create("/v1/tickets", body)


@contextmanager
def running_bench(folder: Path, database_url: str) -> Iterator[Bench]:
    """All of it, for the length of the block. Skips where the peer is not asked for."""
    with running_peer(PEER, folder) as url, losing(url) as proxy:
        token = (Path(os.environ["LOCKSTITCH_PEERS_CACHE"]) / PEER / "token").read_text()
        secrets = {"RT_TOKEN": token, "RT_WRONG_TOKEN": "1-14-0123456789abcdef0123456789abcdef"}
        text = CONFIGURATION.format(proxy=proxy.url)
        authorization = {"authorization": f"token {token}"}
        with (
            running_lockstitch(folder, database_url, text, secrets, lease=LEASE_SECONDS) as caller,
            httpx.Client(base_url=url, headers=authorization, timeout=30) as peer,
        ):
            caller.headers["prefer"] = "wait=30"
            queues = peer.get(f"{API}/queues/all", params={"fields": "Name"}).json()["items"]
            yield Bench(caller=caller, proxy=proxy, peer=peer, queues={one["Name"]: one["id"] for one in queues})
