"""A real Medusa, which is pulled, and the emulated HubSpot, whose webhooks come late, twice and in another order, copy
to each other while both are edited and workers are killed with -9."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.contract.facade import Facade
from tests.contract.two_systems import TwoSystems, both_ways
from tests.contract.two_way_edits import Staff, webhooks_of_both
from tests.peers.losing import losing
from tests.peers.medusa.customers import MedusaCustomers
from tests.peers.medusa.shop import Shop
from tests.peers.peer import running_peer

EDITS: Final = int(os.environ.get("LOCKSTITCH_TWO_WAY_EDITS", "100"))
PEOPLE: Final = EDITS // 25
QUIET_SECONDS: Final = 60
CONNECTION: Final = """
[connections.medusa]
vendor = "medusa"
base_url = "{url}"
credentials = {{ api_key = "env:MEDUSA_KEY" }}
pull = {{ customers = {{ every = "2s" }} }}
"""


@pytest.fixture
def systems(tmp_path: Path, database_url: str) -> Iterator[TwoSystems]:
    with running_peer("medusa", tmp_path) as url, losing(url, in_order=True) as proxy:
        shop = Shop(proxy.url)
        more = CONNECTION.format(url=proxy.url) + both_ways("most_writes_per_minute = 10000", shop="medusa")
        facade = Facade(tmp_path, database_url, more=more, LOCKSTITCH_JOB_LEASE="2", MEDUSA_KEY=shop.key)
        with facade.running(), webhooks_of_both(facade):
            yield TwoSystems(facade, MedusaCustomers(facade, shop, proxy))
        shop.close()


def test_edits_on_both_sides_end_equal_while_workers_die(systems: TwoSystems) -> None:
    staff = Staff(systems, PEOPLE, seed=EDITS)
    staff.edit(EDITS)
    print(f"{EDITS} edits, {staff.kills} kills, writes {staff.check(QUIET_SECONDS)}")
