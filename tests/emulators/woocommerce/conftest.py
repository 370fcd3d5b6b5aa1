"""A client of the WooCommerce emulator."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect

from ..conftest import RunningEmulators

AUTH = ("ck_dev", "cs_dev")


class Shop:
    """The API of one shop, with what the tests ask of it most."""

    def __init__(self, emulators: RunningEmulators) -> None:
        self.emulators = emulators
        self.root = f"{emulators.url}/woocommerce/wp-json/wc/v3"
        self.http = emulators.client("/woocommerce/wp-json/wc/v3", auth=AUTH)

    def get(self, path: str, **params: str | int) -> Any:
        """The JSON of a GET that succeeds."""
        return expect(self.http.get(path, params=params or None)).json()

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """What a POST made."""
        return expect(self.http.post(path, json=body), 201).json()

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        """A record after a change."""
        return expect(self.http.put(path, json=body)).json()

    def set(self, **settings: str) -> None:
        """Change the shop's settings."""
        for name, value in settings.items():
            self.emulators.place("woocommerce", "settings", {"id": name, "value": value})


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal in WordPress's words."""
    body = answer.json()
    assert body["data"]["status"] == answer.status_code
    assert body["message"]
    return answer.status_code, body["code"]


@pytest.fixture
def shop(emulators: RunningEmulators) -> Iterator[Shop]:
    """A new shop."""
    shop = Shop(emulators)
    yield shop
    shop.http.close()
