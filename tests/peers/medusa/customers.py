"""The customers of a real Medusa as one side of two that copy to each other."""

import json
from typing import Final

from tests.contract.facade import Facade
from tests.contract.two_systems import Fields, Write, await_pulls, copied
from tests.peers.losing import Loser
from tests.peers.medusa.shop import Shop

NATIVE: Final = {name: name for name in ("first_name", "last_name", "phone")}
PATH: Final = "POST /admin/customers/"


class MedusaCustomers:
    """What the staff sees and does through the proxy, which also has the writes of Lockstitch."""

    name: Final = "medusa"

    def __init__(self, facade: Facade, shop: Shop, proxy: Loser) -> None:
        """`shop` calls the proxy."""
        self._facade = facade
        self._shop = shop
        self._proxy = proxy

    def edit(self, remote_id: str, field: str, value: str) -> None:
        self._shop.post(f"/customers/{remote_id}", **{field: value})

    def state(self) -> dict[str, Fields]:
        customers = self._shop.get("/customers", limit="1000")["customers"]
        return {one["id"]: copied(NATIVE, one) for one in customers}

    def writes(self) -> list[Write]:
        texts = [text.removeprefix(PATH).split("\n") for text in self._proxy.heard if text.startswith(PATH)]
        return [(target.partition("?")[0], copied(NATIVE, json.loads(body))) for target, *_, body in texts]

    def await_pulls(self) -> None:
        await_pulls(self._facade, self.name)
