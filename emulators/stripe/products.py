"""Products of the account, and products created for the lines of a checkout."""

from typing import Any

from emulators.state import JsonRecord
from emulators.stripe import lists
from emulators.stripe.desk import Desk
from emulators.stripe.params import EXPAND, Check, judged, list_of, text, truth

URL = "/v1/products"
FILTERS: dict[str, Check] = {"active": truth, "ids": list_of(text())}


def list_all(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """List products, newest first. `ids` limits them."""
    read = judged(values, lists.PAGING | FILTERS)
    products = desk.state.all("products")
    if read.get("ids"):
        products = [one for one in products if one["id"] in read["ids"]]
    if "active" in read:
        products = [one for one in products if one.get("active") is read["active"]]
    return lists.page(products, read, URL)


def show(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Return one product."""
    judged(values, {"expand": EXPAND})
    return desk.get("products", ids[0])
