"""What the README says of n8n's HTTP Request node, in a real n8n: *Never Error*, and reading a list to its end.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from lockstitch_dev import Dev, running_dev
from n8n_cli import CREDENTIAL_NAME, FreshN8n, Item, Workflow
from real_calls import fresh_n8n, only

NEVER_ERROR = {"response": {"response": {"neverError": True}}}
NEVER_ERROR_WITH_STATUS = {"response": {"response": {"neverError": True, "fullResponse": True}}}
PAGES = {
    "pagination": {
        "pagination": {
            "paginationMode": "updateAParameterInEachRequest",
            "parameters": {
                "parameters": [{"type": "qs", "name": "cursor", "value": "={{ $response.body.next_cursor }}"}]
            },
            "paginationCompleteWhen": "other",
            "completeExpression": "={{ !$response.body.has_more }}",
            "limitPagesFetched": True,
            "maxRequests": 100,
        }
    }
}


@pytest.fixture(scope="module")
def dev() -> Iterator[Dev]:
    with running_dev() as dev:
        yield dev


@pytest.fixture(scope="module")
def n8n(dev: Dev) -> Iterator[FreshN8n]:
    with fresh_n8n() as n8n:
        n8n.add_credential(dev.key)
        yield n8n


def ask(n8n: FreshN8n, url: str, options: dict[str, Any], **query: str) -> list[Item]:
    """What an HTTP Request node with these options puts out for a GET."""
    workflow = one_request(url, options, query)
    n8n.add_workflow(workflow)
    execution = n8n.execute(workflow["id"])
    assert execution.succeeded
    return execution.items("Ask")


def one_request(url: str, options: dict[str, Any], query: dict[str, str]) -> Workflow:
    start = {"id": "start", "name": "Start", "type": "n8n-nodes-base.manualTrigger", "typeVersion": 1}
    node = {
        "id": "ask",
        "name": "Ask",
        "type": "n8n-nodes-base.httpRequest",
        "typeVersion": 4.5,
        "credentials": {"httpHeaderAuth": {"id": None, "name": CREDENTIAL_NAME}},
    }
    parameters = {
        "method": "GET",
        "url": url,
        "authentication": "genericCredentialType",
        "genericAuthType": "httpHeaderAuth",
        "sendQuery": True,
        "queryParameters": {"parameters": [{"name": name, "value": value} for name, value in query.items()]},
        "options": options,
    }
    return {
        "id": "oneRequest",
        "name": "One request",
        "nodes": [
            start | {"position": [0, 0], "parameters": {}},
            node | {"position": [220, 0], "parameters": parameters},
        ],
        "connections": {"Start": {"main": [[{"node": "Ask", "type": "main", "index": 0}]]}},
        "settings": {"executionOrder": "v1"},
        "active": False,
        "pinData": {},
        "meta": {},
    }


def test_with_never_error_a_problem_is_an_object(dev: Dev, n8n: FreshN8n) -> None:
    problem = only(ask(n8n, f"{dev.api}/v1/customers/cus_1", NEVER_ERROR))

    assert (problem["code"], problem["status"]) == ("not-found", 404)
    assert problem["next_step"]


def test_never_error_with_the_status_shows_both_outcomes(dev: Dev, n8n: FreshN8n) -> None:
    refused = only(ask(n8n, f"{dev.api}/v1/customers", NEVER_ERROR_WITH_STATUS, limit="none"))
    good = only(ask(n8n, f"{dev.api}/v1/customers", NEVER_ERROR_WITH_STATUS, limit="1"))

    assert (refused["statusCode"], refused["body"]["code"]) == (422, "invalid-field")
    assert (good["statusCode"], good["body"]["has_more"]) == (200, False)


def test_a_list_is_read_to_its_end(dev: Dev, n8n: FreshN8n) -> None:
    made = [
        dev.create("/v1/customers", {"emails": [{"address": f"page{number}@example.com"}]}, connection="hubspot")["id"]
        for number in range(5)
    ]

    pages = ask(n8n, f"{dev.api}/v1/customers", PAGES, connection="hubspot", limit="2")

    assert len(pages) == 3
    assert sorted(customer["id"] for page in pages for customer in page["data"]) == sorted(made)
