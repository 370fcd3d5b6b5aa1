"""Stock levels: what pulls read of each shop, and the Events of what becomes low."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any, Final

import httpx
import pytest

from app.events.deps import EventDeps
from tests.contract.callers import Caller
from tests.contract.emulators import Vendor
from tests.contract.facade import Facade
from tests.contract.waiting import until
from tests.walks.stage import Event, Stage, connection_table, staged

SHOPIFY: Final = """
[connections.shopify.stock]
threshold = 5
freshness_seconds = 600
[connections.shopify.pull.stock_levels]
every = "1s"
"""
SET: Final = """
mutation set($input: InventorySetQuantitiesInput!) {
  inventorySetQuantities(input: $input) { userErrors { message } }
}
"""
SHIRT: Final = {
    "inventoryItemId": "gid://shopify/InventoryItem/43729076",
    "locationId": "gid://shopify/Location/655441491",
}
LEVELS: Final = "SELECT * FROM stock_level WHERE connection = $1 ORDER BY remote_id"


def tables(facade: Facade, vendor: Vendor, **pull: object) -> str:
    pulled = connection_table(facade, vendor, "stock_levels", **pull)
    return f"{pulled}[connections.pulled-{vendor}.stock]\nthreshold = 5\n"


@pytest.fixture
async def shopify(facade: Facade) -> AsyncIterator[Stage]:
    async with staged(facade, tables(facade, "shopify")) as stage:
        yield stage


@pytest.fixture
async def woocommerce(facade: Facade) -> AsyncIterator[Stage]:
    async with staged(facade, tables(facade, "woocommerce")) as stage:
        yield stage


def item(stage: Stage, available: int, location: int = 7, *, tracked: bool = True) -> None:
    """Place a shirt of Shopify at a shop that has others too."""
    variant = {"id": "gid://shopify/ProductVariant/1", "title": "T-shirt - XL"}
    level = {
        "item": {"id": "gid://shopify/InventoryItem/9", "sku": "SHIRT-XL", "tracked": tracked, "variants": [variant]},
        "location": {"id": f"gid://shopify/Location/{location}", "name": f"Shop {location}"},
        "quantities": [{"name": "on_hand", "quantity": 99}, {"name": "available", "quantity": available}],
    }
    stage.vendors.place("shopify", "InventoryLevel", level)


def product(stage: Stage, id: int, available: float | None, **more: Any) -> None:
    """Place a product of WooCommerce that the shop counts; not if `available` is None."""
    counted = {"manage_stock": available is not None, "stock_quantity": available}
    stage.vendors.place("woocommerce", "products", {"id": id, "name": f"P{id}", "sku": f"SKU-{id}", **counted, **more})


async def low(stage: Stage) -> list[Event]:
    """Pull, and return what became low so far."""
    await stage.start_pulls()
    await stage.work()
    feed = stage.runtime.dependencies.of(EventDeps).events.feed
    return [json.loads(bytes(one.body)) for one in await feed(types=("stock_level.low",), after=None, limit=100)]


async def test_an_item_that_falls_to_its_threshold_has_one_event(shopify: Stage) -> None:
    named, every = await shopify.subscription("stock_level.low"), await shopify.subscription("*")
    item(shopify, 6)
    item(shopify, 1, location=8)
    assert await low(shopify) == []  # what is low when it is first read is no news

    item(shopify, 5)
    (event,) = await low(shopify)

    assert (event["type"], event["connection"], event["changed"]) == ("stock_level.low", "pulled-shopify", None)
    assert event["occurred_at"] == event["data"].pop("updated_at")
    assert event["data"] == {
        "connection": "pulled-shopify",
        "remote_id": "9@7",
        "sku": "SHIRT-XL",
        "name": "T-shirt - XL",
        "location": "Shop 7",
        "available": 5,
        "threshold": 5,
    }
    assert [one["id"] for one in await shopify.delivered(named)] == [event["id"]]
    assert await shopify.delivered(every) == []  # no wildcard matches a type that came later
    for available, events in ((-2, 1), (30, 1), (0, 2)):
        item(shopify, available)
        assert len(await low(shopify)) == events


async def test_an_item_that_is_not_counted_any_more_leaves_the_list_after_two_runs(shopify: Stage) -> None:
    item(shopify, 6)
    for tracked, listed in ((True, 3), (False, 3), (False, 2)):
        item(shopify, 6, tracked=tracked)
        assert await low(shopify) == []
        assert len(await shopify.sql(LEVELS, "pulled-shopify")) == listed


async def test_pages_go_through_all_locations(facade: Facade) -> None:
    async with staged(facade, tables(facade, "shopify", page=1)) as stage:
        item(stage, 6)
        await low(stage)
        rows = [(row["remote_id"], row["available"]) for row in await stage.sql(LEVELS, "pulled-shopify")]
    assert rows == [("43729076@655441491", 12), ("43729077@655441491", 8), ("9@7", 6)]


async def test_a_woocommerce_shop_counts_variations_and_has_thresholds_of_its_own(woocommerce: Stage) -> None:
    product(woocommerce, 21, None)
    product(woocommerce, 22, 8, type="variable", low_stock_amount=7)
    product(woocommerce, 23, 8, type="variation", parent_id=22, manage_stock="parent")
    product(woocommerce, 24, 6.5, type="variation", parent_id=22)
    product(woocommerce, 25, 9, status="draft")
    product(woocommerce, 26, 8, low_stock_amount=0)
    await low(woocommerce)
    rows = await woocommerce.sql(LEVELS, "pulled-woocommerce")
    expected = {"MUG": 12, "SCARF-BLUE": 9, "SKU-22": 8, "SKU-24": 6, "SKU-26": 8}
    assert {row["sku"]: row["available"] for row in rows} == expected
    assert {row["location"] for row in rows} == {"store"}

    product(woocommerce, 22, 7, type="variable", low_stock_amount=7)
    product(woocommerce, 26, 1, low_stock_amount=0)
    shop = f"{woocommerce.facade.emulators.url}/woocommerce/wp-json/wc/v3"
    order = {"line_items": [{"product_id": 11, "quantity": 8}], "set_paid": True}
    async with httpx.AsyncClient(auth=("ck_dev", "cs_dev")) as client:
        assert (await client.post(f"{shop}/orders", json=order)).status_code == 201
    fell = [(one["data"]["sku"], one["data"]["available"], one["data"]["threshold"]) for one in await low(woocommerce)]
    assert fell == [("MUG", 4, 5), ("SKU-22", 7, 7)]


def test_each_fall_is_one_event_while_workers_are_killed(facade: Facade) -> None:
    """Two workers, of which one is killed with -9 after each fall, the API, and a shop that sells and restocks."""
    facade.add_configuration(SHOPIFY)
    workers = [facade.worker, facade.process("worker")]
    with ExitStack() as stack:
        for process in (facade.api, *workers):
            process.start()
            stack.callback(process.stop)
        caller = stack.enter_context(facade.calling())

        def available() -> list[int]:
            rows: list[dict[str, Any]] = caller.get("/v1/stock_levels?sku=SHIRT-M").json()["data"]
            return [one["available"] for one in rows]

        def feed() -> list[dict[str, Any]]:
            return list(caller.get("/v1/feeds/stock_levels").json())

        until(available, lambda rows: rows == [12])
        for number, worker in enumerate(workers, start=1):
            sell(facade, 0)
            until(available, lambda rows: rows == [0])
            worker.kill()
            worker.start()
            sell(facade, 12)
            until(available, lambda rows: rows == [12])
            assert len(feed()) == number
        (event, _) = caller.get("/v1/events?type=stock_level.low").json()["data"]
        assert event["data"]["available"] == 0

        check_list(caller)
        (view,) = [one for one in caller.get("/ops/freshness").json()["data"] if one["object"] == "stock_level"]
        assert (view["state"], view["limit_seconds"]) == ("fresh", 600)
        assert "pulls of shopify: stock_levels every 1s" in facade.lockstitch("doctor").stdout
        assert "stock levels: 2 levels of a page read" in facade.lockstitch("verify", "shopify").stdout
        offered = caller.get("/v1/connections").json()["data"]
        assert [one["name"] for one in offered if one["stock"]] == ["shopify"]
        with facade.calling("customers:read", "events:read") as other:
            for path in ("/v1/stock_levels", "/v1/feeds/stock_levels", "/v1/events?type=stock_level.low"):
                assert (other.get(path).status_code, "orders:read" in other.get(path).text) == (403, True)


def sell(facade: Facade, quantity: int) -> None:
    """Set what is available of a shirt, by Shopify's own API."""
    variables = {"input": {"name": "available", "reason": "correction", "quantities": [SHIRT | {"quantity": quantity}]}}
    answer = httpx.post(
        f"{facade.emulators.url}/shopify/admin/api/2026-07/graphql.json",
        headers={"x-shopify-access-token": "shopify-dev-token"},
        json={"query": SET, "variables": variables},
    )
    assert answer.json()["data"] == {"inventorySetQuantities": {"userErrors": []}}


def check_list(caller: Caller) -> None:
    """Page, filter, and read the refusals."""
    first = caller.get("/v1/stock_levels?limit=1").json()
    second = caller.get(f"/v1/stock_levels?limit=1&cursor={first['next_cursor']}").json()
    assert [one["sku"] for one in (*first["data"], *second["data"])] == ["SHIRT-M", "SHIRT-L"]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    level = first["data"][0]
    assert (level["connection"], level["location"], level["threshold"]) == ("shopify", "Warehouse", 5)
    assert level["as_of"] >= first["as_of"]
    assert caller.get("/v1/stock_levels?low=true&connection=shopify").json()["data"] == []
    for query, code, text in (
        ("connection=nowhere", "invalid-field", "no connection has this name"),
        ("connection=hubspot", "unsupported-action", "shopify"),
        ("sku=", "invalid-field", "1 to 255 characters"),
        (f"sku=SHIRT-M&cursor={first['next_cursor']}", "invalid-field", "cursor"),
    ):
        refused = caller.get(f"/v1/stock_levels?{query}")
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert text in refused.text
