"""Adding and removing tags: an ordinary write that keeps the other tags, also when several come at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.callers import Caller, code_of, expect, new_key, pointers
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import KINDS

TAGGED = ("shopify customer", "shopify order", "zendesk customer", "zendesk ticket")
CLIENT_TRIES = 3


def create_tagged(caller: Caller, kind: str, *tags: str) -> tuple[str, dict[str, object]]:
    """Create a record with these tags. Return its path and the answer."""
    made = caller.create(KINDS[kind].collection, KINDS[kind].sample() | {"tags": list(tags)})
    return f"{KINDS[kind].path}/{made['id']}", made


@pytest.mark.parametrize("kind", TAGGED)
def test_tags_are_added_and_removed_and_nothing_else_changes(caller: Caller, kind: str) -> None:
    path, made = create_tagged(caller, kind, "blue", "prospect")
    answer = expect(caller.write("POST", f"{path}/tags", {"add": ["vip", "blue"], "remove": ["Prospect", "absent"]}))
    assert sorted(answer.json()["tags"]) == ["blue", "vip"]
    assert answer.headers["etag"] == caller.get(path).headers["etag"]
    own = {"meta": None, "updated_at": None, "tags": None}
    assert {**answer.json(), **own} == {**made, **own}


@pytest.mark.parametrize("kind", TAGGED)
def test_a_change_that_holds_already_is_answered_with_the_record(caller: Caller, kind: str) -> None:
    path, _ = create_tagged(caller, kind, "blue")
    answer = expect(caller.write("POST", f"{path}/tags", {"add": ["blue"], "remove": ["absent"]})).json()
    assert answer["tags"] == ["blue"]


def test_a_replay_returns_the_recorded_tags(caller: Caller) -> None:
    path, _ = create_tagged(caller, "zendesk ticket", "blue")
    key = new_key()
    first = caller.write("POST", f"{path}/tags", {"add": ["vip"]}, key=key)
    caller.write("PATCH", path, {"tags": []})
    replay = caller.write("POST", f"{path}/tags", {"add": ["vip"]}, key=key)
    assert replay.content == first.content
    assert replay.headers["idempotent-replayed"] == "true"
    assert caller.get(path).json()["tags"] == []


def test_simultaneous_changes_lose_no_tag(facade: Facade, full_key: str, caller: Caller) -> None:
    path, _ = create_tagged(caller, "zendesk ticket", "blue")
    words = [f"word{number}" for number in range(8)]

    def add(tag: str) -> int:
        with facade.calling(secret=full_key) as one:
            answer = one.write("POST", f"{path}/tags", {"add": [tag]})
            if answer.status_code == 202:
                assert one.settled(answer)["state"] == "succeeded"
                return 200
            return answer.status_code

    with ThreadPoolExecutor(len(words)) as pool:
        assert set(pool.map(add, words)) == {200}
    assert sorted(caller.get(path).json()["tags"]) == sorted(["blue", *words])


def test_a_change_whose_reply_is_lost_is_decided_by_the_tags(caller: Caller, vendors: Emulators) -> None:
    path, made = create_tagged(caller, "zendesk ticket", "blue")
    remote_id = made["meta"]["remote_id"]  # type: ignore[index]
    vendors.lose_reply("zendesk", method="PUT", path=f"/api/v2/tickets/{remote_id}", times=CLIENT_TRIES)
    answer = caller.write("POST", f"{path}/tags", {"add": ["vip"], "remove": ["blue"]})
    vendors.mend()
    operation = caller.settled(answer)
    assert operation["state"] == "succeeded"
    assert operation["result"]["tags"] == ["vip"]


def test_a_connection_without_tags_names_those_that_have_them(caller: Caller) -> None:
    made = caller.create("/v1/tickets?connection=hubspot", KINDS["hubspot ticket"].sample())
    answer = expect(caller.write("POST", f"/v1/tickets/{made['id']}/tags", {"add": ["vip"]}), 422, "unsupported-action")
    assert "Connections that can: busy-zendesk, frail-zendesk, other-zendesk, zendesk" in answer.json()["detail"]


def test_wrong_changes_are_refused_with_their_places(caller: Caller) -> None:
    path, _ = create_tagged(caller, "zendesk ticket", "blue", "green")
    for body, places in (
        ({}, [""]),
        ({"add": ["vip", " "], "remove": [""]}, ["/add/1", "/remove/0"]),
        ({"add": ["red", "vip"], "remove": ["VIP"]}, ["/add/1"]),
        ({"add": "vip"}, ["/add"]),
        ({"tags": ["vip"]}, ["/tags"]),
    ):
        answer = caller.write("POST", f"{path}/tags", body)
        assert code_of(answer, 422) == "invalid-field", body
        assert pointers(answer) == places
    assert sorted(caller.get(path).json()["tags"]) == ["blue", "green"]


def test_a_changed_record_is_a_version_conflict(caller: Caller) -> None:
    path, _ = create_tagged(caller, "shopify customer", "blue")
    answer = caller.write("POST", f"{path}/tags", {"add": ["vip"]}, headers={"if-match": '"another"'})
    assert code_of(answer, 412) == "version-conflict"
    expect(caller.write("POST", "/v1/customers/shopify:99999999999/tags", {"add": ["vip"]}), 404, "not-found")
