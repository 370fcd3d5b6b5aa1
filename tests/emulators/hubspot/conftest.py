"""HubSpot's emulator behind a socket, as an integration with the development credential meets it."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

TOKEN = "hubspot-dev-token"

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def hubspot(emulators: Any) -> Iterator[httpx.Client]:
    """A client below `/hubspot` with the development credential; the account is fresh."""
    with emulators.client("/hubspot", headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture
def make_contact(hubspot: httpx.Client) -> Make:
    """Create a contact with these properties."""

    def make(**properties: str) -> dict[str, Any]:
        return _created(hubspot.post("/crm/v3/objects/contacts", json={"properties": properties}))

    return make


@pytest.fixture
def make_ticket(hubspot: httpx.Client) -> Make:
    """Create a ticket with these properties, at the stage New where they name none."""

    def make(*contact_ids: str, **properties: str) -> dict[str, Any]:
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 16}]
        body = {
            "properties": {"hs_pipeline_stage": "1", **properties},
            "associations": [{"to": {"id": id}, "types": types} for id in contact_ids],
        }
        return _created(hubspot.post("/crm/v3/objects/tickets", json=body))

    return make


def _created(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return answer.json()
