"""Nonsense is refused in the shop's words and never breaks the look-alike."""

import json
from base64 import b64encode

from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.http import Call
from emulators.state import State
from emulators.store import Store
from emulators.woocommerce.emulator import API, KEY, ROUTES, SECRET, WooCommerce

AUTH = {"authorization": f"Basic {b64encode(f'{KEY}:{SECRET}'.encode()).decode()}"}
NAMES = st.sampled_from(
    [
        "email",
        "status",
        "line_items",
        "billing",
        "meta_data",
        "customer_id",
        "id",
        "quantity",
        "product_id",
        "total",
        "key",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(max_size=5)
    | st.sampled_from(["a@b.example", "11"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    route=st.sampled_from(ROUTES),
    id=st.sampled_from(["2", "101", "999"]),
    body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20),
    query=st.lists(
        st.tuples(st.sampled_from(["page", "per_page", "status", "after", "include", "role"]), st.text(max_size=8))
    ),
)
def test_no_call_breaks_the_shop(
    route: tuple[tuple[str, ...], str, object], id: str, body: bytes, query: list[tuple[str, str]]
) -> None:
    methods, path, _ = route
    store = Store(None)
    try:
        shop, state = WooCommerce(), State(store, "woocommerce")
        shop.put_record("customers", {"id": 2, "email": "ann@example.com"}, state)
        shop.put_record("orders", {"id": 101}, state)
        call = Call(
            method=methods[0],
            path=f"{API}{path.replace('#', id)}",
            query=tuple(query),
            headers=AUTH,
            body=body if methods[0] != "GET" else b"",
        )
        answer = shop.answer(call, state, 1_790_000_000.0)
        assert answer.status < 500 or answer.json()["code"].startswith("woocommerce_rest_")
    finally:
        store.close()
