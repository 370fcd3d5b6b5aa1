"""Pulls of real systems that send no webhooks: what is changed there becomes an Event, once."""

import os
from pathlib import Path
from typing import Any, Final

import httpx

from tests.contract.callers import Caller
from tests.contract.waiting import until
from tests.peers.lockstitch import running_lockstitch
from tests.peers.medusa.shop import Shop
from tests.peers.peer import running_peer
from tests.peers.request_tracker import API, PEER

EVERY: Final = "3s"
MEDUSA: Final = """
[connections.medusa]
vendor = "medusa"
base_url = "{url}"
credentials = {{ api_key = "env:MEDUSA_KEY" }}
[connections.medusa.stock]
threshold = 5
"""
RECONCILE: Final = """
[reconcile]
every = "5s"
grace = "1s"
"""
REQUEST_TRACKER: Final = """
[connections.rt]
vendor = "rt"
base_url = "{url}"
credentials = {{ token = "env:RT_TOKEN" }}
"""


def events(caller: Caller) -> list[dict[str, Any]]:
    """All Events, oldest first."""
    return caller.get("/v1/events", params={"limit": 100}).json()["data"]


def findings(caller: Caller) -> dict[str, list[str]]:
    """The fields of the open findings, by record."""
    open_ones = caller.get("/ops/reconciliations", params={"closed": "false"}).json()["data"]
    return {one["remote_id"]: one["fields"] for one in open_ones}


def await_runs(caller: Caller) -> None:
    """Wait for two more runs of each object: the second begins after what was changed before."""

    def started() -> list[str | None]:
        return [one["as_of"] for one in caller.get("/ops/freshness").json()["data"]]

    for _ in range(2):
        before = started()
        until(started, lambda now: all(one not in (None, then) for one, then in zip(now, before, strict=True)))  # noqa: B023


def await_events(caller: Caller, count: int) -> list[dict[str, Any]]:
    """Wait for Events after the first `count`, and return them."""
    return until(lambda: events(caller)[count:])


def test_changes_in_medusa_become_events_once(tmp_path: Path, database_url: str) -> None:
    with running_peer("medusa", tmp_path) as url:
        shop = Shop(url)
        known = shop.post("/customers", email="known@example.com", first_name="Ada", last_name="Lee")["customer"]
        (place,) = shop.get("/stock-locations")["stock_locations"]
        item = shop.post("/inventory-items", sku="BOWL", title="Bowl")["inventory_item"]["id"]
        shop.post(f"/inventory-items/{item}/location-levels", location_id=place["id"], stocked_quantity=9)
        secrets = {"MEDUSA_KEY": shop.key}
        with running_lockstitch(tmp_path, database_url, MEDUSA.format(url=url), secrets, pull=EVERY) as caller:
            await_runs(caller)
            assert events(caller) == []

            shop.post(f"/customers/{known['id']}", last_name="Lovelace")
            (updated,) = await_events(caller, 0)
            new = shop.post("/customers", email="new@example.com", first_name="Grace")["customer"]
            (created,) = await_events(caller, 1)
            order = shop.post(
                "/draft-orders",
                region_id=shop.get("/regions")["regions"][0]["id"],
                email="known@example.com",
                items=[{"title": "Engraving", "quantity": 1, "unit_price": 4}],
            )["draft_order"]
            (drafted,) = await_events(caller, 2)
            await_runs(caller)

            assert (updated["type"], updated["data"]["meta"]["remote_id"]) == ("customer.updated", known["id"])
            assert updated["previous"]["last_name"] == "Lee"
            assert (created["type"], created["data"]["meta"]["remote_id"]) == ("customer.created", new["id"])
            assert (drafted["type"], drafted["data"]["meta"]["remote_id"]) == ("order.created", order["id"])
            assert len(events(caller)) == 3

            (bowl,) = caller.get("/v1/stock_levels?sku=BOWL").json()["data"]
            assert (bowl["name"], bowl["location"], bowl["available"]) == ("Bowl", "Warehouse", 9)
            shop.post("/reservations", inventory_item_id=item, location_id=place["id"], quantity=4)
            (low,) = until(lambda: caller.get("/v1/feeds/stock_levels").json())
            assert (low["data"]["remote_id"], low["data"]["available"]) == (f"{item}@{place['id']}", 5)

            shop.post(f"/draft-orders/{order['id']}/convert-to-order")
            await_events(caller, 3)
        # Neither changes the time of change, so only a full list shows it.
        shop.post(f"/customers/{known['id']}/addresses", address_1="12 Harbour Street", country_code="gb")
        shop.paid(order["id"], 4)
        with running_lockstitch(tmp_path, database_url, MEDUSA.format(url=url) + RECONCILE, secrets) as caller:
            differing = until(lambda: findings(caller), lambda now: now.keys() >= {known["id"], order["id"]})
        assert differing.keys() == {known["id"], order["id"]}
        assert differing[known["id"]] == ["addresses"]
        assert "payment_status" in differing[order["id"]]
        shop.close()


def test_changes_and_comments_in_request_tracker_become_events_once(tmp_path: Path, database_url: str) -> None:
    with running_peer(PEER, tmp_path) as url:
        token = (Path(os.environ["LOCKSTITCH_PEERS_CACHE"]) / PEER / "token").read_text()
        with httpx.Client(base_url=f"{url}{API}", headers={"authorization": f"token {token}"}, timeout=90) as peer:

            def tell(path: str, **body: Any) -> Any:
                answer = peer.request("PUT" if path.count("/") == 2 else "POST", path, json=body)
                assert answer.is_success, answer.text
                return answer.json()

            def message(kind: str, text: str) -> None:
                tell(f"/ticket/{known}/{kind}", Content=text, ContentType="text/plain")

            known = tell("/ticket", Queue="General", Subject="Torn", Requestor="ada@example.com")["id"]
            message("comment", "Long ago")
            configuration, secrets = REQUEST_TRACKER.format(url=url), {"RT_TOKEN": token}
            with running_lockstitch(tmp_path, database_url, configuration, secrets, pull=EVERY) as caller:
                await_runs(caller)
                assert events(caller) == []

                tell(f"/ticket/{known}", Subject="Torn twice")
                (updated,) = await_events(caller, 0)
                message("comment", "It leaks.")
                (private,) = await_events(caller, 1)
                message("comment", "Still.")
                (again,) = await_events(caller, 2)
                new = tell("/ticket", Queue="General", Subject="New", Requestor="grace@example.com")["id"]
                (created,) = await_events(caller, 3)
                await_runs(caller)

                assert (updated["type"], updated["changed"]) == ("ticket.updated", ["subject"])
                assert updated["data"]["meta"]["remote_id"] == str(known)
                assert [one["type"] for one in (private, again)] == ["ticket.comment_added"] * 2
                assert [one["data"]["body_text"] for one in (private, again)] == ["It leaks.", "Still."]
                assert (created["type"], created["data"]["meta"]["remote_id"]) == ("ticket.created", str(new))
                assert len(events(caller)) == 4
