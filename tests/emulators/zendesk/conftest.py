"""A client of the Zendesk emulator."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect

from ..conftest import RunningEmulators

AUTH = ("dev@example.com/token", "zendesk-dev-token")


class Desk:
    """The API of one Zendesk account, with what the tests ask of it most."""

    def __init__(self, emulators: RunningEmulators) -> None:
        self.emulators = emulators
        self.http = emulators.client("/zendesk/api/v2/", auth=AUTH)

    def get(self, path: str, **params: str | int) -> Any:
        """The JSON of a GET that succeeds."""
        return expect(self.http.get(path, params=params or None)).json()

    def user(self, name: str = "Ida Morrow", **fields: Any) -> dict[str, Any]:
        """A new user."""
        return expect(self.http.post("users", json={"user": {"name": name, **fields}}), 201).json()["user"]

    def ticket(self, body: str = "The lid is stuck", **fields: Any) -> dict[str, Any]:
        """A new ticket."""
        answer = expect(self.http.post("tickets", json={"ticket": {"comment": {"body": body}, **fields}}), 201).json()
        return answer["ticket"]

    def change(self, ticket: dict[str, Any], **fields: Any) -> httpx.Response:
        """An update of a ticket."""
        return self.http.put(f"tickets/{ticket['id']}", json={"ticket": fields})


def details(answer: httpx.Response) -> dict[str, list[dict[str, Any]]]:
    """The details of a 422 in the form that the vendor gives to broken rules."""
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert (body["error"], body["description"]) == ("RecordInvalid", "Record validation errors")
    return body["details"]


@pytest.fixture
def desk(emulators: RunningEmulators) -> Iterator[Desk]:
    """An account with nothing but its administrator, whose search does not lag."""
    emulators.limit("zendesk", search_lag=0)
    desk = Desk(emulators)
    yield desk
    desk.http.close()
