"""Stripe's own package as the client of the emulator."""

from typing import Any

import httpx
import pytest
import stripe

from ..conftest import RunningEmulators

KEY = "sk_test_dev"


class Shop:
    """An account, reached by Stripe's package and, for what that would not send, by hand."""

    def __init__(self, emulators: RunningEmulators) -> None:
        self.emulators = emulators
        self.sdk = stripe.StripeClient(KEY, base_addresses={"api": f"{emulators.url}/stripe"}, max_network_retries=0).v1
        self.http = emulators.client("/stripe/v1/", headers={"authorization": f"Bearer {KEY}"})

    def post(self, path: str, key: str | None = None, **fields: Any) -> httpx.Response:
        """A form; names are written as they go out."""
        headers = {} if key is None else {"idempotency-key": key}
        return self.http.post(path, data=fields, headers=headers)

    def customer(self, **fields: Any) -> Any:
        """A new customer."""
        params: Any = fields
        return self.sdk.customers.create(params)

    def checkout(self, **more: Any) -> Any:
        """A checkout of two mugs."""
        line = {"quantity": 2, "price_data": {"currency": "eur", "unit_amount": 1990, "product_data": {"name": "Mug"}}}
        params: Any = {"mode": "payment", "success_url": "https://shop.example/", "line_items": [line]} | more
        return self.sdk.checkout.sessions.create(params)


def error(answer: httpx.Response) -> dict[str, Any]:
    """What a refusal says."""
    assert answer.status_code >= 400, answer.text
    return answer.json()["error"]


@pytest.fixture
def shop(emulators: RunningEmulators) -> Shop:
    """An account with nothing in it, whose search does not lag."""
    emulators.limit("stripe", search_lag=0)
    return Shop(emulators)
