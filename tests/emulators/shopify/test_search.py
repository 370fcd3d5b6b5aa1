"""Lists: the query language, the lag of the index, sorting, and pages that hold while the list changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.shopify.query_language import Term, compiled
from emulators.shopify.search import search

from .conftest import Json, Shop, line

ENTRIES: list[Json] = [
    {"id": "ann", "number": 1, "name": "Ann Ash", "email": "ann@example.com", "state": "enabled", "tags": ["vip"]},
    {
        "id": "bo",
        "number": 2,
        "name": "Bo Birch",
        "email": "bo@example.com",
        "state": "disabled",
        "tags": ["VIP", "b2b"],
    },
    {"id": "cy", "number": 3, "name": "Cy Cedar", "email": None, "state": "disabled", "tags": []},
]
for entry, day in zip(ENTRIES, (1, 2, 3), strict=True):
    entry["updatedAt"] = f"2026-01-0{day}T12:00:00Z"
    entry["metafields"] = {"lockstitch.external_id": f"erp-{day}"}


def ids_of(query: str) -> list[str]:
    parsed = search("Customer", query)
    return [entry["id"] for entry in ENTRIES if parsed.test(entry)]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["ann", "bo", "cy"]),
        ("email:bo@example.com", ["bo"]),
        ("email:BO@EXAMPLE.COM", ["bo"]),
        ("email:'bo@example.com'", ["bo"]),
        ("email:bo", []),
        ("email:bo*", ["bo"]),
        ("birch", ["bo"]),
        ("state:disabled tag:vip", ["bo"]),
        ("state:disabled AND tag:vip", ["bo"]),
        ("tag:b2b OR state:enabled", ["ann", "bo"]),
        ("state:disabled AND (tag:vip OR name)", ["bo"]),
        ("state:disabled AND tag:vip OR state:enabled", ["ann", "bo"]),
        ("-state:disabled", ["ann"]),
        ("NOT state:disabled", ["ann"]),
        ("NOT (state:enabled OR tag:b2b)", ["cy"]),
        ("tag_not:vip", ["cy"]),
        ("id:2", ["bo"]),
        ("id:>=2", ["bo", "cy"]),
        ("id:<2", ["ann"]),
        ("id:gid://shopify/Customer/3", ["cy"]),
        ("id:three", []),
        ("updated_at:>='2026-01-02T12:00:00Z'", ["bo", "cy"]),
        ("updated_at:>'2026-01-02T12:00:00Z'", ["cy"]),
        ("updated_at:>=2026-01-02T12:00:00Z", ["bo", "cy"]),
        ("updated_at:>='2026-01-02T14:00:00+02:00'", ["bo", "cy"]),
        ("updated_at:>'2026-01-02'", ["bo", "cy"]),
        ("updated_at:2026-01-02", ["bo"]),
        ("updated_at:>='2026-01-01' updated_at:<'2026-01-03'", ["ann", "bo"]),
        ("updated_at:>'soon'", []),
        ("metafields.lockstitch.external_id:'erp-3'", ["cy"]),
        ("(tag:b2b", ["bo"]),
        ("tag:b2b)", ["bo"]),
        ("OR tag:b2b", ["ann", "bo", "cy"]),
        ("NOT", ["ann", "bo", "cy"]),
        ("'o\\'clock'", []),
    ],
)
def test_the_query_language(query: str, ids: list[str]) -> None:
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

    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    compiled(f"email:'{escaped}'", lambda term: lambda entry: judge(term))({})
    assert [(term.field, term.comparator, term.value) for term in terms] == [("email", "=", value)]


def test_a_field_that_does_not_exist_filters_nothing_and_is_warned_about(shop: Shop) -> None:
    shop.customer(firstName="Ann")
    body = shop.ask('{ customers(first: 5, query: "colour:red") { nodes { displayName } } }')
    assert body["data"]["customers"]["nodes"] == [{"displayName": "Ann"}]
    assert body["extensions"]["search"] == [
        {
            "path": ["customers"],
            "query": "colour:red",
            "warnings": [
                {"field": "colour", "message": "Invalid search field for this query.", "code": "invalid_field"}
            ],
        }
    ]


def names(shop: Shop, query: str) -> list[str]:
    data = shop.data("query($q: String) { orders(first: 50, query: $q, sortKey: ID) { nodes { name } } }", q=query)
    return [node["name"] for node in data["orders"]["nodes"]]


def test_orders_by_what_people_look_for(shop: Shop) -> None:
    customer = shop.customer(firstName="Ida", email="ida@example.com")
    paid = {
        "transactions": [{"amountSet": {"shopMoney": {"amount": "20", "currencyCode": "USD"}}, "gateway": "manual"}]
    }
    shop.order(name="#A1", email="ida@example.com", tags=["rush"], customer={"toAssociate": {"id": customer["id"]}})
    shop.order(name="#A2", sourceIdentifier="erp-9", poNumber="PO-7", test=True, **paid)
    shop.order(name="#A3", lineItems=[line(sku="KETTLE-1")], fulfillmentStatus="FULFILLED")
    for query, expected in (
        ("name:#A1", ["#A1"]),
        ("name:A1", ["#A1"]),
        ("email:ida@example.com", ["#A1"]),
        ("tag:rush", ["#A1"]),
        (f"customer_id:{customer['id'].rpartition('/')[2]}", ["#A1"]),
        ("source_identifier:erp-9", ["#A2"]),
        ("po_number:PO-7", ["#A2"]),
        ("financial_status:paid", ["#A2"]),
        ("gateway:manual", ["#A2"]),
        ("test:true", ["#A2"]),
        ("sku:KETTLE-1", ["#A3"]),
        ("fulfillment_status:shipped", ["#A3"]),
        ("fulfillment_status:unfulfilled", ["#A1", "#A2"]),
    ):
        assert names(shop, query) == expected, query
    assert shop.data('{ ordersCount(query: "test:false") { count precision } }')["ordersCount"] == {
        "count": 2,
        "precision": "EXACT",
    }
    assert shop.data("{ ordersCount(limit: 2) { count precision } }")["ordersCount"]["precision"] == "AT_LEAST"
    assert shop.data("{ customersCount { count } }")["customersCount"] == {"count": 1}


def test_without_a_status_orders_of_every_status_are_listed(shop: Shop) -> None:
    kept, closed, cancelled = (shop.order(name=f"#{word}") for word in ("kept", "closed", "cancelled"))
    shop.data("mutation($id: ID!) { orderClose(input: {id: $id}) { order { id } } }", id=closed["id"])
    shop.wait_for(shop.cancel(cancelled["id"])["job"]["id"])
    assert names(shop, "") == [kept["name"], "#closed", "#cancelled"]
    assert names(shop, "status:open") == ["#kept"]
    assert names(shop, "status:closed") == ["#closed", "#cancelled"]
    assert names(shop, "status:cancelled") == ["#cancelled"]


def test_pages_hold_while_the_list_changes(shop: Shop) -> None:
    for number in range(1, 6):
        shop.order(name=f"#{number}")
    query = """query($after: String) { orders(first: 2, after: $after, sortKey: ID) {
      edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    first = shop.data(query)["orders"]
    assert [edge["node"]["name"] for edge in first["edges"]] == ["#1", "#2"]
    assert first["pageInfo"]["endCursor"] == first["edges"][-1]["cursor"]
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    shop.order(name="#6")
    listed, after = ["#1", "#2"], first["pageInfo"]["endCursor"]
    while after:
        page = shop.data(query, after=after)["orders"]
        assert page["pageInfo"]["hasPreviousPage"] is True
        listed += [edge["node"]["name"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
    assert listed == [f"#{number}" for number in range(1, 7)]


def test_pages_backwards_and_in_reverse(shop: Shop) -> None:
    for number in range(1, 5):
        shop.order(name=f"#{number}")
    last = shop.data(
        "{ orders(last: 2, sortKey: ID) { nodes { name } pageInfo { startCursor hasPreviousPage hasNextPage } } }"
    )["orders"]
    assert [node["name"] for node in last["nodes"]] == ["#3", "#4"]
    assert (last["pageInfo"]["hasPreviousPage"], last["pageInfo"]["hasNextPage"]) == (True, False)
    before = shop.data(
        "query($c: String) { orders(last: 2, before: $c, sortKey: ID) { nodes { name } } }",
        c=last["pageInfo"]["startCursor"],
    )
    assert [node["name"] for node in before["orders"]["nodes"]] == ["#1", "#2"]
    query = """query($after: String) { orders(first: 3, after: $after, sortKey: ORDER_NUMBER, reverse: true) {
                 nodes { name } pageInfo { endCursor } } }"""
    page = shop.data(query)["orders"]
    assert [node["name"] for node in page["nodes"]] == ["#4", "#3", "#2"]
    rest = shop.data(query, after=page["pageInfo"]["endCursor"])["orders"]
    assert [node["name"] for node in rest["nodes"]] == ["#1"]


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


def test_a_cursor_of_another_sorting_is_refused(shop: Shop) -> None:
    for name in ("#1", "#2"):
        shop.order(name=name)
    page = shop.data("{ orders(first: 1, sortKey: UPDATED_AT) { pageInfo { endCursor } } }")["orders"]
    body = shop.ask(
        "query($c: String) { orders(first: 1, after: $c, sortKey: TOTAL_PRICE) { nodes { name } } }",
        c=page["pageInfo"]["endCursor"],
    )
    assert body["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_the_orders_of_one_customer(shop: Shop) -> None:
    customer = shop.customer(firstName="Ida")
    for name in ("#1", "#2"):
        shop.order(name=name, customer={"toAssociate": {"id": customer["id"]}})
    shop.order(name="#3")
    answer = shop.data(
        """query($id: ID!) { customer(id: $id) { numberOfOrders lastOrder { name }
             orders(first: 5, query: "name:#2") { nodes { name } } } }""",
        id=customer["id"],
    )["customer"]
    assert answer == {"numberOfOrders": "2", "lastOrder": {"name": "#2"}, "orders": {"nodes": [{"name": "#2"}]}}
