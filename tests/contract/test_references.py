"""References to people, teams, tickets and products: read with their connection, written by id."""

from typing import Any

import pytest

from tests.contract.callers import Caller, code_of, expect, pointers
from tests.contract.emulators import Emulators
from tests.contract.samples import customer, order, ticket, word


def agent_of(vendors: Emulators) -> dict[str, Any]:
    """A new agent at Zendesk."""
    return vendors.place(
        "zendesk", "users", {"name": f"Agent {word()}", "email": f"{word()}@desk.example", "role": "agent"}
    )


def test_a_reference_is_read_with_its_connection_and_what_is_known(caller: Caller, vendors: Emulators) -> None:
    agent, group = agent_of(vendors), vendors.place("zendesk", "groups", {"name": f"Group {word()}"})
    problem = caller.create("/v1/tickets?connection=zendesk", ticket("zendesk", type="problem"))
    body = ticket(
        "zendesk",
        type="incident",
        assignee={"connection": "zendesk", "remote_id": str(agent["id"])},
        team={"id": f"zendesk:{group['id']}"},
        parent={"connection": "zendesk", "remote_id": problem["meta"]["remote_id"]},
    )

    made = caller.create("/v1/tickets?connection=zendesk&loss=none", body)

    assert made["assignee"] == {
        "id": None,
        "connection": "zendesk",
        "remote_id": str(agent["id"]),
        "email": agent["email"],
        "phone": None,
        "name": agent["name"],
    }
    assert (made["team"]["remote_id"], made["team"]["name"]) == (str(group["id"]), group["name"])
    assert (made["parent"]["id"], made["parent"]["connection"]) == (problem["id"], "zendesk")
    assert made["requester"]["connection"] == "zendesk"
    assert (made["orders"], made["merged_into"]) == ([], None)
    again = caller.write("PATCH", f"/v1/tickets/{made['id']}", made)
    assert (again.status_code, again.json()["updated_at"]) == (200, made["updated_at"]), again.text


def test_an_owner_at_a_crm_has_a_name(caller: Caller) -> None:
    known = caller.create("/v1/customers?connection=hubspot", customer("hubspot", owner={"id": "hubspot:41629779"}))
    owner = {"connection": "hubspot", "remote_id": "41629779", "name": "Mira Oakes"}
    assert owner.items() <= known["owner"].items()
    cleared = caller.write("PATCH", f"/v1/customers/{known['id']}", {"owner": None})
    assert cleared.json()["owner"] is None


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/customers?connection=hubspot", {"owner": {"remote_id": "1"}}, "/owner/remote_id"),
        ("/v1/tickets?connection=zendesk", {"followers": [{"remote_id": "1"}]}, "/followers/0/remote_id"),
        (
            "/v1/orders?connection=shopify",
            {"line_items": [{"product": {"variant_remote_id": "1"}, "quantity": "1"}]},
            "/line_items/0/product/variant_remote_id",
        ),
    ],
)
def test_an_id_without_its_connection_is_refused(caller: Caller, path: str, body: dict[str, Any], pointer: str) -> None:
    answer = expect(caller.write("POST", path, body), 422, "invalid-field")
    assert pointers(answer) == [pointer]
    assert "send connection with it" in answer.json()["detail"]


def test_an_id_of_another_connection_is_not_sent(caller: Caller, vendors: Emulators) -> None:
    foreign = {"connection": "salesforce", "remote_id": "777000222"}
    made = caller.create("/v1/customers?connection=hubspot", customer("hubspot", owner=foreign))

    assert made["owner"] is None
    assert "/owner" in [lost["path"] for lost in made["meta"]["loss"]]
    assert "777000222" not in str(vendors.calls("hubspot"))


def test_an_unknown_member_of_a_reference_is_refused(caller: Caller) -> None:
    answer = caller.write("POST", "/v1/customers?connection=hubspot", {"owner": {"mail": "ben@example.com"}})
    assert code_of(answer, 422) == "invalid-field"
    assert pointers(answer) == ["/owner/mail"]


def test_a_buyer_is_named_by_id_and_connection(caller: Caller) -> None:
    known = caller.create("/v1/customers?connection=shopify", customer("shopify"))
    buyer = {"connection": "shopify", "remote_id": known["meta"]["remote_id"]}

    made = caller.create("/v1/orders?connection=shopify", order(customer=buyer))

    assert (made["customer"]["id"], made["customer"]["connection"]) == (known["id"], "shopify")
