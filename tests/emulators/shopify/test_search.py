"""Lists: the search, the lag of the index, sorting, and pages that hold while the list changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.shopify.search import Term, compiled, entry_test

from .conftest import Json, Shop

ENTRIES: list[Json] = [
    {"id": "ann", "number": 1, "name": "#A1", "email": "ann@example.com", "customerNumber": 7},
    {"id": "bo", "number": 2, "name": "#A2", "email": "bo@example.com", "closed": "2026-01-02T12:00:00Z"},
    {
        "id": "cy",
        "number": 3,
        "name": "#A3",
        "email": None,
        "cancelled": "2026-01-03T12:00:00Z",
        "closed": "2026-01-03",
    },
]
for entry, day in zip(ENTRIES, (1, 2, 3), strict=True):
    entry["updatedAt"] = f"2026-01-0{day}T12:00:00Z"


def ids_of(query: str) -> list[str]:
    test = compiled(query, entry_test)
    return [entry["id"] for entry in ENTRIES if test(entry)]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["ann", "bo", "cy"]),
        ("email:bo@example.com", ["bo"]),
        ('email:"BO@EXAMPLE.COM"', ["bo"]),
        ("email:bo", []),
        ('name:"#A1"', ["ann"]),
        ("name:a1", ["ann"]),
        ("customer_id:7", ["ann"]),
        ("status:open", ["ann"]),
        ("status:closed", ["bo", "cy"]),
        ("status:cancelled", ["cy"]),
        ("id:0", []),
        ("id:2", ["bo"]),
        ("updated_at:>='2026-01-02T12:00:00Z'", ["bo", "cy"]),
        ("updated_at:>'2026-01-02T12:00:00Z'", ["cy"]),
        ("updated_at:>='2026-01-02T14:00:00+02:00'", ["bo", "cy"]),
        ("updated_at:>='2026-01-02T12:00:00Z' AND status:cancelled", ["cy"]),
        ("updated_at:>'soon'", []),
        ("status:closed AND name:A2 OR name:A1", ["ann", "bo"]),
        ("colour:red", ["ann", "bo", "cy"]),
    ],
)
def test_the_search(query: str, ids: list[str]) -> None:
    assert ids_of(query) == ids


@given(st.text(alphabet="ab:'\"()-*>< \\ORNDT"))
def test_no_text_breaks_the_reader(query: str) -> None:
    assert set(ids_of(query)) <= {"ann", "bo", "cy"}


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_any_value_can_be_quoted(value: str) -> None:
    terms: list[Term] = []

    def judge(term: Term) -> bool:
        terms.append(term)
        return True

    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    compiled(f'email:"{escaped}"', lambda term: lambda entry: judge(term))({})
    assert [(term.field, term.comparator, term.value) for term in terms] == [("email", "=", value)]


def names(shop: Shop, query: str) -> list[str]:
    data = shop.data("query($q: String) { orders(first: 50, query: $q, sortKey: ID) { nodes { name } } }", q=query)
    return [node["name"] for node in data["orders"]["nodes"]]


def test_orders_by_what_people_look_for(shop: Shop) -> None:
    customer = shop.customer(firstName="Ida", email="ida@example.com")
    shop.order(name="#A1", email="ida@example.com", customer={"toAssociate": {"id": customer["id"]}})
    shop.order(name="#A2")
    for query in ("name:A1", "email:ida@example.com", f"customer_id:{customer['id'].rpartition('/')[2]}"):
        assert names(shop, query) == ["#A1"], query


def test_without_a_status_orders_of_every_status_are_listed(shop: Shop) -> None:
    shop.order(name="#kept")
    shop.emulators.place("shopify", "Order", {"name": "#closed", "closedAt": "2026-01-01T00:00:00Z"})
    cancelled = shop.order(name="#cancelled")
    shop.cancel(cancelled["id"])
    shop.cancelled(cancelled["id"])
    assert set(names(shop, "")) == {"#kept", "#closed", "#cancelled"}
    assert names(shop, "status:open") == ["#kept"]
    assert set(names(shop, "status:closed")) == {"#closed", "#cancelled"}
    assert names(shop, "status:cancelled") == ["#cancelled"]


def pages(shop: Shop, more: str = "") -> list[str]:
    """The orders, two at a time. The first page is followed by a new order, #6."""
    query = f"""query($after: String) {{ orders(first: 2, after: $after, sortKey: CREATED_AT {more}) {{
      nodes {{ name }} pageInfo {{ hasNextPage endCursor }} }} }}"""
    listed: list[str] = []
    after = None
    while True:
        page = shop.data(query, after=after)["orders"]
        listed += [node["name"] for node in page["nodes"]]
        if after is None:
            shop.order(name="#6")
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return listed


def test_pages_hold_while_the_list_changes(shop: Shop) -> None:
    for number in range(1, 6):
        shop.order(name=f"#{number}")
    assert pages(shop) == [f"#{number}" for number in range(1, 7)]


def test_pages_in_reverse(shop: Shop) -> None:
    for number in range(1, 6):
        shop.order(name=f"#{number}")
    assert pages(shop, "reverse: true") == ["#5", "#4", "#3", "#2", "#1"]


def test_what_was_updated_last_comes_last(shop: Shop) -> None:
    for name, at in (
        ("#new", "2026-03-01T00:00:00Z"),
        ("#old", "2026-01-01T00:00:00Z"),
        ("#mid", "2026-02-01T00:00:00Z"),
    ):
        shop.emulators.place("shopify", "Order", {"name": name, "updatedAt": at})
    query = """query($q: String, $after: String) { orders(first: 1, after: $after, query: $q, sortKey: UPDATED_AT) {
                 nodes { name } pageInfo { endCursor hasNextPage } } }"""
    page = shop.data(query, q="updated_at:>='2026-02-01T00:00:00Z'")["orders"]
    assert [node["name"] for node in page["nodes"]] == ["#mid"]
    assert page["pageInfo"]["hasNextPage"] is True
    rest = shop.data(query, q="updated_at:>='2026-02-01T00:00:00Z'", after=page["pageInfo"]["endCursor"])["orders"]
    assert [node["name"] for node in rest["nodes"]] == ["#new"]
