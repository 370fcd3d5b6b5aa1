"""A client of the Freshdesk emulator."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect

from ..conftest import RunningEmulators

AUTH = ("freshdesk-dev-token", "X")


class Desk:
    """The API of one Freshdesk account, with what the tests ask of it most."""

    def __init__(self, emulators: RunningEmulators) -> None:
        self.emulators = emulators
        self.http = emulators.client("/freshdesk/api/v2/", auth=AUTH)

    def get(self, path: str, **params: str | int) -> Any:
        """The JSON of a GET that succeeds."""
        return expect(self.http.get(path, params=params or None)).json()

    def contact(self, name: str = "Ida Morrow", **fields: Any) -> dict[str, Any]:
        """A new contact."""
        body = {"name": name, "email": f"{name.partition(' ')[0].lower()}@kettles.example", **fields}
        return expect(self.http.post("contacts", json=body), 201).json()

    def ticket(self, subject: str = "The lid is stuck", **fields: Any) -> dict[str, Any]:
        """A new ticket."""
        body = {"subject": subject, "description": "<div>It is.</div>", "email": "ida@kettles.example", **fields}
        return expect(self.http.post("tickets", json=body), 201).json()


def complaints(answer: httpx.Response, status: int = 400) -> dict[str, str]:
    """Field and code of everything that is wrong."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["description"] == "Validation failed"
    assert all(one["message"] for one in body["errors"])
    return {one["field"]: one["code"] for one in body["errors"]}


@pytest.fixture
def desk(emulators: RunningEmulators) -> Iterator[Desk]:
    """An account with nothing but its agents, whose search does not lag."""
    emulators.limit("freshdesk", search_lag=0)
    desk = Desk(emulators)
    yield desk
    desk.http.close()
