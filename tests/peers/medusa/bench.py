"""Lockstitch before a real Medusa, with a proxy between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.contract.callers import Caller
from tests.peers.lockstitch import running_lockstitch
from tests.peers.losing import Loser, losing
from tests.peers.medusa.shop import Shop
from tests.peers.peer import running_peer

CONFIGURATION = """
[connections.medusa]
vendor = "medusa"
base_url = "{proxy}"
credentials = {{ api_key = "env:MEDUSA_KEY" }}

[connections.medusa.custom_fields]
customers = [
    {{ key = "tier", vendor_field = "tier", type = "enum" }},
    {{ key = "since", vendor_field = "since", type = "date" }},
]
orders = [{{ key = "gift", vendor_field = "gift", type = "boolean" }}]

[connections.locked]
vendor = "medusa"
base_url = "{proxy}"
credentials = {{ api_key = "env:MEDUSA_WRONG_KEY" }}

[connections.person]
vendor = "medusa"
base_url = "{proxy}"
credentials = {{ email = "env:MEDUSA_EMAIL", password = "env:MEDUSA_PASSWORD" }}

[systems_of_record]
customers = "medusa"
orders = "medusa"
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Lockstitch as its caller has it, the proxy behind it, and the shop behind that."""

    caller: Caller
    proxy: Loser
    shop: Shop


@contextmanager
def running_bench(folder: Path, database_url: str) -> Iterator[Bench]:
    """All of it, for the length of the block. Skips where the peer is not asked for."""
    with running_peer("medusa", folder) as url, losing(url) as proxy:
        shop = Shop(url)
        secrets = {"MEDUSA_KEY": shop.key, "MEDUSA_WRONG_KEY": "sk_opens_nothing"}
        secrets |= {"MEDUSA_EMAIL": "admin@peer.example", "MEDUSA_PASSWORD": "peer-password"}
        text = CONFIGURATION.format(proxy=proxy.url)
        with running_lockstitch(folder, database_url, text, secrets) as caller:
            yield Bench(caller=caller, proxy=proxy, shop=shop)
        shop.close()
