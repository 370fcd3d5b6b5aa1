"""Who asks, who follows: people are named by their login or their address."""

import json

import msgspec
import pytest
from msgspec.structs import replace

from mappings.rt.ticket_r1 import TICKET
from mappings.rt.wire_rest2 import Person
from tests.mappings.drafts import lost, on_the_wire, refused

from .conftest import ACCOUNT, drafted, golden


@pytest.mark.parametrize(
    ("requester", "people", "refusals"),
    [
        ({"remote_id": "bea"}, ["bea"], {}),
        ({"email": "A@b.example", "name": 'Ann "A" Lee\\'}, ['"Ann \\"A\\" Lee\\\\" <a@b.example>'], {}),
        ({"email": "a@b.example"}, ["a@b.example"], {}),
        ({"email": "a@b.example", "phone": "1"}, ["a@b.example"], {}),
        ({"email": "A@Bücher.example", "name": "张伟"}, ['"张伟" <a@xn--bcher-kva.example>'], {}),
        ({"email": "jörg@b.example"}, None, {"/requester/email": "unsupported"}),
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
    wrong.append({"email": "jörg@b.example", "kind": "cc"})

    assert refused(drafted({"followers": wrong})) == {
        "/followers/0/email": "invalid",
        "/followers/1/remote_id": "invalid",
        "/followers/2/kind": "invalid",
        "/followers/3": "unsupported",
    }


def test_an_owner_in_a_role_of_the_ticket_is_the_same_in_lists_and_reads() -> None:
    """Lists send the people of the roles with their addresses, reads send login names, and the people apart."""
    record = json.loads(golden("ticket-full"))
    listed = {"id": "ben", "EmailAddress": "ben@faden.example", "RealName": "Ben Okoro"}
    people = {"ben": msgspec.convert(listed, Person)}
    sent = record | {"Owner": {"id": "ben", "type": "user"}}
    of_list = TICKET.decode(json.dumps(sent | {"AdminCc": [listed]}).encode())
    of_read = TICKET.decode(json.dumps(sent | {"AdminCc": [{"id": "ben"}]}).encode())

    in_list = TICKET.to_canonical(of_list, replace(ACCOUNT, people={})).data
    in_read = TICKET.to_canonical(of_read, replace(ACCOUNT, people=people)).data

    assert in_list.assignee is not None
    assert in_list.assignee.email == "ben@faden.example"
    assert in_read.assignee == in_list.assignee
