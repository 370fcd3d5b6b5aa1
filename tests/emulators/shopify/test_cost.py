"""What queries cost, and what happens when there is nothing left to pay with."""

import time

from ..conftest import PATIENCE
from .conftest import Shop


def costs(shop: Shop, query: str) -> tuple[int, int]:
    cost = shop.ask(query)["extensions"]["cost"]
    return cost["requestedQueryCost"], cost["actualQueryCost"]


def test_scalars_are_free_and_objects_cost_one(shop: Shop) -> None:
    assert costs(shop, "{ shop { name currencyCode } }") == (1, 1)
    assert costs(shop, "{ a: shop { name } b: shop { name } }") == (2, 2)


def test_a_mutation_costs_ten_and_what_it_did_not_bring_is_given_back(shop: Shop) -> None:
    """11 and 10: what a recorded mutation of an order that is not there cost at Shopify."""
    query = 'mutation { orderUpdate(input: {id: "gid://shopify/Order/1"}) { order { id } userErrors { message } } }'
    assert costs(shop, query) == (11, 10)


def test_a_connection_costs_by_its_size_first_and_by_its_nodes_in_the_end(shop: Shop) -> None:
    for name in ("Ann", "Bo"):
        shop.customer(firstName=name)
    assert costs(shop, "{ customers(first: 50) { nodes { id } } }") == (52, 4)
    nested = "{ customers(first: 10) { nodes { id addressesV2(first: 5) { nodes { id } } } } }"
    assert costs(shop, nested) == (2 + 10 * (1 + 2 + 5), 2 + 2 * (1 + 2))


def test_page_sizes_count_from_variables_and_fragments_too(shop: Shop) -> None:
    query = """query($n: Int!, $m: Int!) { a: customers(first: $n) { ...page } b: customers(first: $m) { ...page } }
               fragment page on CustomerConnection { nodes { ... on Customer { id } } }"""
    assert shop.ask(query, n=20, m=7)["extensions"]["cost"]["requestedQueryCost"] == 22 + 9


def test_a_query_that_is_too_dear_is_not_run(shop: Shop) -> None:
    body = shop.ask("{ orders(first: 250) { nodes { id lineItems(first: 250) { nodes { id } } } } }")
    assert "data" not in body
    cost = 2 + 250 * (1 + 2 + 250)
    error = body["errors"][0]
    assert error["message"] == f"Query cost is {cost}, which exceeds the single query max cost limit (1000)."
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert (error["extensions"]["cost"], error["extensions"]["maxCost"]) == (cost, 1000)


def test_a_full_bucket_by_default(shop: Shop) -> None:
    status = shop.ask("{ shop { name } }")["extensions"]["cost"]["throttleStatus"]
    assert status == {"maximumAvailable": 2_000_000, "currentlyAvailable": 1_999_999, "restoreRate": 100_000}


def test_an_empty_bucket_throttles_at_status_200_and_fills_again(shop: Shop) -> None:
    shop.emulators.limit("shopify", per_minute=600)  # 10 points a second, 200 in the bucket
    dear = "{ customers(first: 50) { nodes { id } } }"
    cheap = 'mutation { orderUpdate(input: {id: "gid://shopify/Order/1"}) { userErrors { message } } }'
    left = 200
    while left > 30:
        began = time.monotonic()
        left = shop.ask(cheap)["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"]
    body = shop.ask(dear)
    assert body["errors"] == [{"message": "Throttled", "extensions": body["errors"][0]["extensions"]}]
    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in body
    cost = body["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (52, None)
    status = cost["throttleStatus"]
    assert (status["maximumAvailable"], status["restoreRate"]) == (200, 10)
    assert status["currentlyAvailable"] < 52

    # Throttled calls cost nothing, so the bucket fills at its rate while the client tries.
    while "errors" in shop.ask(dear):
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.1)
    assert time.monotonic() - began > 1
