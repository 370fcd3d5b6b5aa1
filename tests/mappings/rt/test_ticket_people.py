"""Who asks, who follows: people are named by their login or their address."""

import pytest

from mappings.rt.ticket_r1 import TICKET

from .conftest import drafted, golden, lost, on_the_wire, refused


@pytest.mark.parametrize(
    ("requester", "people", "refusals"),
    [
        ({"remote_id": "bea"}, ["bea"], {}),
        ({"email": "A@b.example", "name": 'Ann "A" Lee\\'}, ['"Ann \\"A\\" Lee\\\\" <a@b.example>'], {}),
        ({"email": "a@b.example"}, ["a@b.example"], {}),
        ({"email": "a@b.example", "phone": "1"}, ["a@b.example"], {}),
        ({"email": "nobody"}, None, {"/requester/email": "invalid"}),
        ({"remote_id": "14"}, None, {"/requester/remote_id": "invalid"}),
        ({"remote_id": " "}, None, {"/requester/remote_id": "invalid"}),
        ({"remote_id": "14\n"}, None, {"/requester/remote_id": "invalid"}),
        ({"remote_id": "a@b.example, c@b.example"}, None, {"/requester/remote_id": "invalid"}),
        ({"remote_id": "Keller, Livia"}, ["Keller, Livia"], {}),
        ({"name": "Ann"}, None, {"/requester": "invalid"}),
    ],
)
def test_who_asks(requester: dict[str, str], people: list[str] | None, refusals: dict[str, str]) -> None:
    draft = drafted({"requester": requester})

    assert on_the_wire(draft.body).get("Requestor") == people
    assert refused(draft) == refusals


def test_other_facts_next_to_a_login_name_are_compared() -> None:
    same = {"remote_id": "livia.keller@faden.example", "name": "Livia Keller", "email": "Livia.Keller@faden.example"}

    assert drafted({"requester": same}).loss == ()
    assert lost(drafted({"requester": same | {"name": "livia keller"}})) == {"/requester/name": "coerced"}
    assert lost(drafted({"requester": same | {"remote_id": "otto"}})) == {}


def test_further_requestors_are_reported_and_removed() -> None:
    several = TICKET.decode(golden("ticket-rejected"))

    assert lost(drafted({"requester": {"remote_id": "bea"}}, several)) == {"/requester": "dropped"}


def test_followers_who_cannot_be() -> None:
    wrong = [{"email": "x"}, {"remote_id": "5"}, {"email": "a@b.example", "kind": "unknown"}]

    assert refused(drafted({"followers": wrong})) == {
        "/followers/0/email": "invalid",
        "/followers/1/remote_id": "invalid",
        "/followers/2/kind": "invalid",
    }
