"""The WooCommerce emulator: authorisation, routing, and a host's rate limit."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from emulators.http import Answer, Call, json_answer
from emulators.routes import Routes
from emulators.state import State
from emulators.webhooks import Change, Message
from emulators.woocommerce import customers, orders, products, refunds, webhooks
from emulators.woocommerce.drift import bent
from emulators.woocommerce.errors import bad_key, failure, no_route, not_signed_in, unreadable
from emulators.woocommerce.placing import OBJECTS, placed
from emulators.woocommerce.shop import GENERAL, SETTINGS, Shop

NAME = "woocommerce"
KEY = "ck_dev"
SECRET = "cs_dev"  # noqa: S105 - an emulator's credential opens nothing
API = "/wp-json/wc/v3"
NOWHERE = "http://shop.example"

Handler = Callable[[Shop, Call, tuple[str, ...]], Answer]


def settings(shop: Shop, _call: Call, _ids: tuple[str, ...]) -> Answer:
    """Return the general settings that this shop has."""
    names = (*GENERAL, "woocommerce_price_num_decimals")
    return json_answer(
        200,
        [{"id": name, "type": "text", "default": SETTINGS[name], "value": shop.setting(name)} for name in names],
    )


# Methods, path below /wp-json/wc/v3 with `#` for an id, handler. WordPress takes POST and PATCH for PUT.
CHANGE = ("PUT", "POST", "PATCH")
ROUTES: tuple[tuple[tuple[str, ...], str, Handler], ...] = (
    (("GET",), "/customers", customers.list_all),
    (("POST",), "/customers", customers.create),
    (("GET",), "/customers/#", customers.show),
    (CHANGE, "/customers/#", customers.update),
    (("DELETE",), "/customers/#", customers.delete),
    (("GET",), "/orders", orders.list_all),
    (("POST",), "/orders", orders.create),
    (("GET",), "/orders/#", orders.show),
    (CHANGE, "/orders/#", orders.update),
    (("DELETE",), "/orders/#", orders.delete),
    (("GET",), "/orders/#/refunds", refunds.list_all),
    (("POST",), "/orders/#/refunds", refunds.create),
    (("GET",), "/orders/#/refunds/#", refunds.show),
    (("GET",), "/products", products.list_all),
    (CHANGE, "/products/#", products.update),
    (("GET",), "/products/#/variations", products.list_variations),
    (CHANGE, "/products/#/variations/#", products.update),
    (("GET",), "/settings/general", settings),
    (("POST",), "/webhooks", webhooks.create),
    (("GET",), "/webhooks/#", webhooks.show),
)
ROUTER = Routes(ROUTES)


class WooCommerce:
    """One shop. `ROUTES` lists its calls."""

    name = NAME
    objects = OBJECTS
    webhook_rules = webhooks.RULES
    drift = staticmethod(bent)
    failure = staticmethod(failure)
    signed = staticmethod(webhooks.signed)

    def answer(self, call: Call, state: State, now: float) -> Answer:
        """Reply to one call."""
        if not state.spend(now).allowed:
            return failure(429)  # WooCommerce has no limit; its host answers with a page
        refusal = _unauthorised(call)
        if refusal is not None:
            return refusal
        shop = Shop(state, now, f"http://{call.headers.get('host', 'shop.example')}/{NAME}")
        path = call.path.removeprefix(API) if call.path.startswith(f"{API}/") else ""
        return ROUTER.answer(shop, call, path, unreadable) or no_route()

    def put_record(self, object: str, payload: dict[str, Any], state: State) -> dict[str, Any]:
        """Place a record; see `placing`."""
        return placed(Shop(state, state.clock(), NOWHERE), object, payload)

    def webhooks(self, changes: list[Change], state: State) -> list[Message]:
        """Return the webhooks of all topics for these changes."""
        return webhooks.messages(changes, state, NOWHERE)


def _unauthorised(call: Call) -> Answer | None:
    """Read key and secret from Basic authorisation, or from the query if a host removes the header."""
    key, secret = call.param("consumer_key"), call.param("consumer_secret")
    kind, _, value = call.headers.get("authorization", "").partition(" ")
    if kind == "Basic":
        try:
            key, _, secret = base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")
        except binascii.Error:
            key, secret = "", ""
    if key is None:
        return not_signed_in()
    if key != KEY:
        return bad_key("key")
    return None if secret == SECRET else bad_key("secret")
