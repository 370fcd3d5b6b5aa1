"""Request Tracker's mapping against Request Tracker itself: tickets and messages there and back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.commands import lockstitch
from tests.contract.callers import code_of, expect, new_key, pointers
from tests.contract.waiting import until
from tests.mappings.references import plain
from tests.peers.request_tracker import API, Bench, running_bench

LATE: dict[str, Any] = {
    "subject": "Der Becher für Zoë ist zerbrochen",
    "description": "Guten Tag,\n\nder Henkel fehlt, schade.\nZoë",
    "status": "open",
    "priority": "high",
    "requester": {"email": "zoe.quark@example.com", "name": "Zoë Quark, Dr."},
    "followers": [
        {"email": "ann@example.com", "kind": "cc"},
        {"connection": "rt", "remote_id": "ben.okoro", "kind": "follower"},
    ],
    "assignee": {"connection": "rt", "remote_id": "ben.okoro"},
    "due_at": "2027-01-12T17:30:00Z",
    "external_id": "Form-5512/Ä'x",
    "custom_fields": [
        {"key": "order", "value": "o-77"},
        {"key": "labels", "value": ["blue", "mug"]},
        {"key": "bought", "value": "2026-05-01"},
        {"key": "matter", "value": "Breakage"},
    ],
}
AT_ONCE = {"prefer": "wait=0"}
"""Answer 202 at once: a write that is decided within the default wait of 10 s is answered as done."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Bench]:
    """All of it, running."""
    with running_bench(tmp_path_factory.mktemp("peer"), module_database_url) as running:
        yield running


def test_it_has_the_evidence_for_silver(bench: Bench) -> None:
    token = bench.peer.headers["authorization"].removeprefix("token ")
    checked = lockstitch(
        *("check-vendor", "rt", "--no-types", "--level", "silver", "--peer", bench.proxy.url),
        environment={"LOCKSTITCH_PEER_TOKEN": token},
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_ticket_is_made_and_read_back(bench: Bench) -> None:
    parent = bench.ticket("What it is part of")
    wanted = LATE | {
        "team": {"connection": "rt", "remote_id": bench.queues["Returns"]},
        "parent": {"connection": "rt", "remote_id": parent["meta"]["remote_id"]},
    }
    made = bench.caller.create("/v1/tickets", wanted)
    read = bench.caller.get(f"/v1/tickets/{made['id']}").json()
    (listed,) = bench.caller.get("/v1/tickets", params={"external_id": LATE["external_id"]}).json()["data"]
    for ticket in (made, read, listed):
        for name in ("subject", "description", "status", "priority", "assignee", "due_at", "external_id"):
            assert plain(ticket[name]) == plain(wanted[name]), name
        assert [ticket[name]["remote_id"] for name in ("team", "parent")] == [
            wanted[name]["remote_id"] for name in ("team", "parent")
        ]
        assert (ticket["status_category"], ticket["priority_raw"]) == ("in_progress", "100")
        assert ticket["requester"]["email"] == "zoe.quark@example.com"
        assert ticket["requester"]["id"] is None, "Request Tracker has no customers that could be read by it"
        assert ticket["requester"]["name"] == "Zoë Quark, Dr."
        assert [(one["email"], one["kind"]) for one in ticket["followers"]] == [
            ("ann@example.com", "cc"),
            ("ben.okoro@peer.example", "follower"),
        ]
        values = {one["key"]: one["value"] for one in ticket["custom_fields"]}
        assert values == {one["key"]: one["value"] for one in LATE["custom_fields"]} | {
            "called": None,
            "nowhere": None,
        }
    there = bench.at_peer("GET", f"/ticket/{made['meta']['remote_id']}")
    links = [link["_url"] for link in there["_hyperlinks"] if link["ref"] == "refers-to"]
    assert f"lockstitch:{made['meta']['operation_id']}" in links
    assert made["meta"]["remote_url"].endswith(f"/Ticket/Display.html?id={made['meta']['remote_id']}")
    assert {loss["path"] for loss in made["meta"]["loss"]} >= {"/assignee"}


def test_a_listed_ticket_is_the_one_that_a_read_shows(bench: Bench) -> None:
    for place in range(20):
        requester = {"email": f"listed{place}@example.com", "name": f"Listed {place}"}
        copied = [{"email": f"copied{place}@example.com", "kind": "cc"}]
        bench.ticket(f"Listed {place}", description=f"Torn {place}", requester=requester, followers=copied)
    listed = bench.caller.get("/v1/tickets", params={"connection": "rt", "limit": 100, "sort": "-created_at"}).json()
    assert len(listed["data"]) >= 20
    for one in listed["data"]:
        assert without_meta(one) == without_meta(bench.caller.get(f"/v1/tickets/{one['id']}").json())


def without_meta(ticket: dict[str, Any]) -> dict[str, Any]:
    """A ticket and its losses. Its version is in reads only."""
    return ticket | {"meta": ticket["meta"]["loss"]}


def test_a_ticket_is_changed_in_one_field(bench: Bench) -> None:
    made = bench.ticket("One field", description="It stays.", requester={"email": "one@example.com"})
    changed = bench.caller.write("PATCH", f"/v1/tickets/{made['id']}", {"status": "on_hold"})
    assert (changed.status_code, changed.json()["status_raw"]) == (200, "stalled"), changed.text
    history = bench.at_peer("GET", f"/ticket/{made['meta']['remote_id']}/history?fields=Type,Field&per_page=100")
    transactions = [
        (one["Type"], one["Field"]) for one in history["items"] if one["Type"] in ("Set", "Status", "AddLink")
    ]
    assert transactions == [("Status", "Status")]


def test_everything_that_can_change_changes_and_is_taken_away_again(bench: Bench) -> None:
    made = bench.ticket("All of it", external_id="all-1", requester={"email": "all@example.com"})
    path, parent = f"/v1/tickets/{made['id']}", bench.ticket("Above")["meta"]["remote_id"]
    wanted = LATE | {
        "external_id": "All-2",
        "parent": {"connection": "rt", "remote_id": parent},
        "team": {"connection": "rt", "remote_id": bench.queues["Returns"]},
        "requester": {"email": "else@example.com"},
    }
    del wanted["description"]
    changed = expect(bench.caller.write("PATCH", path, wanted)).json()
    for name in ("subject", "status", "priority", "assignee", "due_at", "external_id", "parent"):
        assert plain(changed[name]) == plain(wanted[name]), name
    assert changed["requester"]["email"] == "else@example.com"
    again = bench.caller.write("PATCH", path, wanted)
    assert (again.status_code, again.json()["updated_at"]) == (200, changed["updated_at"]), again.text
    nothing = dict.fromkeys(("requester", "followers", "assignee", "due_at", "external_id", "parent"))
    cleared = expect(bench.caller.write("PATCH", path, {**nothing, "custom_fields": [], "subject": None})).json()
    for name in ("requester", "assignee", "due_at", "external_id", "parent", "subject"):
        assert cleared[name] is None, name
    assert cleared["followers"] == []
    assert {one["key"]: one["value"] for one in cleared["custom_fields"] if one["value"]} == {}


def test_an_upsert_makes_once_and_then_changes(bench: Bench) -> None:
    body = {
        "subject": "First",
        "external_id": "form-1",
        "team": {"connection": "rt", "remote_id": bench.queues["General"]},
    }
    first = bench.caller.write("POST", "/v1/tickets?upsert_on=external_id", body)
    second = bench.caller.write("POST", "/v1/tickets?upsert_on=external_id", body | {"subject": "Second"})
    other = bench.caller.write("POST", "/v1/tickets?upsert_on=external_id", body | {"external_id": "FORM-1"})
    assert (first.status_code, second.status_code, other.status_code) == (201, 200, 201), second.text
    assert first.json()["id"] == second.json()["id"] != other.json()["id"]
    assert bench.search("RefersTo = 'lockstitch:key/form-1'") == [first.json()["meta"]["remote_id"]]
    assert bench.at_peer("GET", f"/ticket/{first.json()['meta']['remote_id']}")["Subject"] == "Second"


def test_a_write_against_an_older_version_is_a_conflict(bench: Bench) -> None:
    made = bench.ticket("Contested")
    path, remote = f"/v1/tickets/{made['id']}", f"/ticket/{made['meta']['remote_id']}"
    tag = bench.caller.get(path).headers["etag"]
    bench.at_peer("PUT", remote, {"Priority": 50})
    expect(bench.caller.write("PATCH", path, {"subject": "Mine"}, headers={"if-match": tag}), 412, "version-conflict")
    assert bench.at_peer("GET", remote)["Subject"] == "Contested"


def test_a_version_that_ages_on_the_way_is_a_conflict_at_the_peer(bench: Bench) -> None:
    made = bench.ticket("Overtaken")
    path, remote = f"/v1/tickets/{made['id']}", f"/ticket/{made['meta']['remote_id']}"
    tag = bench.caller.get(path).headers["etag"]
    bench.proxy.meanwhile("PUT", f"{API}{remote}", lambda: bench.at_peer("PUT", remote, {"Priority": 50}))
    refused = bench.caller.write("PATCH", path, {"subject": "Mine"}, headers={"if-match": tag})
    assert code_of(refused, 412) == "version-conflict"
    assert refused.json()["vendor"]["status"] == 412
    assert bench.at_peer("GET", remote)["Subject"] == "Overtaken"
    bench.proxy.meanwhile("PUT", f"{API}{remote}", lambda: bench.at_peer("PUT", remote, {"Priority": 100}))
    assert bench.caller.write("PATCH", path, {"subject": "Mine"}).status_code == 200


def test_a_caller_who_repeats_himself_is_answered_again(bench: Bench) -> None:
    key, body = new_key(), {"subject": "Only once", "team": {"connection": "rt", "remote_id": bench.queues["General"]}}
    first = bench.caller.write("POST", "/v1/tickets", body, key=key)
    again = bench.caller.write("POST", "/v1/tickets", body, key=key)
    assert first.json() == again.json()
    reused = bench.caller.write("POST", "/v1/tickets", body | {"priority": "low"}, key=key)
    expect(reused, 422, "idempotency-key-reused")
    assert len(bench.search("Subject = 'Only once'")) == 1


def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    assert code_of(bench.caller.get("/v1/tickets/rt:999999"), 404) == "not-found"
    assert code_of(bench.caller.write("PATCH", "/v1/tickets/rt:999999", {"subject": "x"}), 404) == "not-found"


def test_a_wrong_token_is_reported(bench: Bench) -> None:
    refused = bench.caller.get("/v1/tickets/locked:1")
    assert refused.json()["code"] == "vendor-auth-failed", refused.text
    assert refused.json()["vendor"]["status"] == 401


def test_a_ticket_s_lost_reply_is_resolved_and_it_is_made_once(bench: Bench) -> None:
    bench.proxy.lose("POST", f"{API}/ticket")
    before = bench.proxy.sent("POST", f"{API}/ticket")
    body = {
        "subject": "Lost reply",
        "team": {"connection": "rt", "remote_id": bench.queues["General"]},
        "description": "Hello?",
    }
    operation = bench.caller.settled(bench.caller.write("POST", "/v1/tickets", body, headers=AT_ONCE))
    assert operation["state"] == "succeeded"
    assert bench.proxy.sent("POST", f"{API}/ticket") == before + 1
    (there,) = bench.search("Subject = 'Lost reply'")
    assert bench.caller.get(f"/v1/tickets/rt:{there}").json()["description"] == "Hello?"


def test_a_change_whose_reply_is_lost_is_found_by_reading_back(bench: Bench) -> None:
    made = bench.ticket("Lost change")
    remote = f"{API}/ticket/{made['meta']['remote_id']}"
    bench.proxy.lose("PUT", remote)
    write = bench.caller.write(
        "PATCH", f"/v1/tickets/{made['id']}", {"priority": "normal", "external_id": "lost-1"}, headers=AT_ONCE
    )
    assert bench.caller.settled(write)["state"] == "succeeded"
    assert bench.proxy.sent("PUT", remote) == 1
    read = bench.caller.get(f"/v1/tickets/{made['id']}").json()
    assert (read["priority"], read["external_id"]) == ("normal", "lost-1")


@pytest.fixture
def talk(bench: Bench) -> dict[str, Any]:
    """A ticket to say something at."""
    return bench.ticket("A talk", requester={"email": "cy@example.com", "name": "Cy"})


def test_comments_are_public_or_private_and_listed_in_order(bench: Bench, talk: dict[str, Any]) -> None:
    path = f"/v1/tickets/{talk['id']}/comments"
    public = bench.caller.create(path, {"body_text": "A new mug\nis on its way, Zoë."})
    private = bench.caller.create(path, {"body_html": "<p>Checked <b>twice</b></p>", "visibility": "private"})
    bench.at_peer(
        "POST",
        f"/ticket/{talk['meta']['remote_id']}/correspond",
        {"Content": "<p>Thanks<script>x</script></p>", "ContentType": "text/html"},
    )
    listed = bench.caller.get(path).json()["data"]
    assert [one["remote_id"] for one in listed[:2]] == [public["remote_id"], private["remote_id"]]
    assert [(one["visibility"], one["visibility_raw"]) for one in listed] == [
        ("public", "Correspond"),
        ("private", "Comment"),
        ("public", "Correspond"),
    ]
    assert listed[0]["body_text"] == public["body_text"] == "A new mug\nis on its way, Zoë."
    assert (listed[1]["body_html"], listed[1]["body_text"]) == ("<p>Checked <b>twice</b></p>", "Checked twice")
    assert listed[2]["body_html"] == "<p>Thanks</p>"
    assert {one["author"]["kind"] for one in listed} == {"agent"}
    assert listed[0]["author"]["remote_id"] == "root"
    assert listed[0]["ticket_id"] == talk["id"]
    one_by_one: list[str] = []
    cursor = None
    while not one_by_one or cursor is not None:
        page = bench.caller.get(path, params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        one_by_one += [one["remote_id"] for one in page["data"]]
        cursor = page["next_cursor"]
    assert one_by_one == [one["remote_id"] for one in listed]


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_a_comment_s_lost_reply_is_resolved_and_it_is_said_once(
    bench: Bench, talk: dict[str, Any], visibility: str
) -> None:
    kind = "correspond" if visibility == "public" else "comment"
    target = f"{API}/ticket/{talk['meta']['remote_id']}/{kind}"
    bench.proxy.lose("POST", target)
    path = f"/v1/tickets/{talk['id']}/comments"
    write = bench.caller.write(
        "POST", path, {"body_text": f"Once, {visibility}", "visibility": visibility}, headers=AT_ONCE
    )
    operation = bench.caller.settled(write)
    assert operation["state"] == "succeeded"
    assert bench.proxy.sent("POST", target) == 1
    (listed,) = bench.caller.get(path).json()["data"]
    assert (listed["body_text"], listed["visibility"]) == (f"Once, {visibility}", visibility)


def test_a_write_that_never_arrived_is_sent_again_and_done_once(bench: Bench, talk: dict[str, Any]) -> None:
    target = f"/ticket/{talk['meta']['remote_id']}/comment"
    gone = httpx.RemoteProtocolError("cut before it arrived")

    def cut() -> None:
        raise gone

    bench.proxy.meanwhile("POST", f"{API}{target}", cut)
    path = f"/v1/tickets/{talk['id']}/comments"
    write = bench.caller.write("POST", path, {"body_text": "At last", "visibility": "private"}, headers=AT_ONCE)
    assert bench.caller.settled(write)["state"] == "succeeded"
    assert [one["body_text"] for one in bench.caller.get(path).json()["data"]] == ["At last"]


def test_a_request_that_arrives_after_the_first_look_makes_one_ticket(bench: Bench) -> None:
    def looked_for() -> int:
        return sum("RefersTo" in one for one in bench.proxy.heard)

    before = looked_for()
    bench.proxy.meanwhile("POST", f"{API}/ticket", lambda: until(looked_for, lambda looks: looks > before))
    body = {"subject": "Late", "team": {"connection": "rt", "remote_id": bench.queues["General"]}}
    operation = bench.caller.settled(bench.caller.write("POST", "/v1/tickets", body, headers=AT_ONCE))
    assert operation["state"] == "succeeded"
    assert bench.search("Subject = 'Late'") == [operation["result"]["meta"]["remote_id"]]


def test_a_complaint_inside_a_success_is_a_refusal_in_the_peer_s_words(bench: Bench) -> None:
    made = bench.ticket("Complaints")
    path, remote = f"/v1/tickets/{made['id']}", f"/ticket/{made['meta']['remote_id']}"
    nobody = bench.caller.write("PATCH", path, {"assignee": {"connection": "rt", "remote_id": "no.such.user"}})
    assert code_of(nobody, 422) == "vendor-rejected"
    assert "That user does not exist" in nobody.json()["detail"]
    half = bench.caller.write(
        "PATCH", path, {"subject": "Half", "assignee": {"connection": "rt", "remote_id": "no.such.user"}}
    )
    assert "1 other part of the change was applied" in half.json()["detail"]
    assert bench.at_peer("GET", remote)["Subject"] == "Half"
    matter = [{"key": "matter", "value": "Nonsense"}]
    assert code_of(bench.caller.write("PATCH", path, {"custom_fields": matter}), 422)
    orphan = bench.caller.write("PATCH", path, {"parent": {"connection": "rt", "remote_id": "999999"}})
    assert "Couldn't resolve '999999' into a link" in orphan.json()["detail"]


def test_a_new_ticket_gets_the_nearest_status_that_it_may_have(bench: Bench) -> None:
    for wanted, nearest in (("on_hold", "open"), ("closed", "resolved")):
        made = bench.ticket("Held", status=wanted, requester={"email": "held@example.com"})
        assert (made["status"], named(made, "coerced")) == (nearest, {"/status"})
        changed = bench.caller.write("PATCH", f"/v1/tickets/{made['id']}", {"status": wanted})
        assert (changed.status_code, changed.json()["status"]) == (200, wanted), changed.text


def test_line_breaks_that_it_changes_are_named(bench: Bench) -> None:
    made = bench.ticket("Breaks", description="one\r\ntwo", requester={"email": "breaks@example.com"})
    path = f"/v1/tickets/{made['id']}"
    assert (made["description"], named(made, "coerced")) == ("one\ntwo", {"/description"})
    assert bench.caller.get(path).json()["description"] == "one\ntwo"
    added = bench.caller.create(f"{path}/comments", {"body_text": "three\r\nfour"})
    assert (added["body_text"], named(added, "coerced")) == ("three\nfour", {"/body_text"})


def named(written: dict[str, Any], kind: str) -> set[str]:
    """The fields with a loss of this kind."""
    return {one["path"] for one in written["meta"]["loss"] if one["kind"] == kind}


def test_a_value_that_reads_like_a_complaint_is_taken(bench: Bench) -> None:
    path = f"/v1/tickets/{bench.ticket('Words')['id']}"
    for labels in (["Invalid parcel", "Could not deliver"], ["Permission slip"]):
        changed = expect(bench.caller.write("PATCH", path, {"custom_fields": [{"key": "labels", "value": labels}]}))
        assert {one["key"]: one["value"] for one in changed.json()["custom_fields"]}["labels"] == labels


def test_fields_that_a_create_drops_are_reported(bench: Bench) -> None:
    made = bench.ticket(
        "Passed over",
        requester={"connection": "rt", "remote_id": "no.such.user"},
        parent={"connection": "rt", "remote_id": "999999"},
        custom_fields=[{"key": "nowhere", "value": "x"}],
    )
    assert (made["requester"], made["parent"]) == (None, None)
    lost = {loss["path"] for loss in made["meta"]["loss"]}
    assert lost >= {"/requester/remote_id", "/parent", "/custom_fields/0/value"}


def test_a_requester_s_login_name_may_have_a_comma(bench: Bench) -> None:
    user = {"Name": "Quark, Zoe", "EmailAddress": "z.quark@peer.example"}
    assert bench.peer.post(f"{API}/user", json=user).status_code == 201
    made, change = (
        bench.ticket("By a name of a directory"),
        {"requester": {"connection": "rt", "remote_id": "Quark, Zoe"}},
    )
    requester = expect(bench.caller.write("PATCH", f"/v1/tickets/{made['id']}", change)).json()["requester"]
    assert (requester["remote_id"], requester["email"]) == ("Quark, Zoe", "z.quark@peer.example")
    new = {"subject": "x", "team": {"connection": "rt", "remote_id": bench.queues["General"]}, **change}
    assert pointers(bench.caller.write("POST", "/v1/tickets", new)) == ["/requester/remote_id"]


def test_a_requester_s_domain_may_have_any_letters(bench: Bench) -> None:
    asker = {"email": "vera@bücher.example", "name": "Vera Ört"}
    made = bench.ticket("Any letters", requester=asker, followers=[{"email": "uwe@bücher.example", "kind": "cc"}])
    changed = bench.caller.write("PATCH", f"/v1/tickets/{made['id']}", {"requester": {"email": "ute@bücher.example"}})
    (listed,) = bench.caller.get("/v1/tickets", params={"email": "ute@bücher.example"}).json()["data"]
    for ticket, local in ((made, "vera"), (expect(changed).json(), "ute"), (listed, "ute")):
        assert ticket["requester"]["email"] == f"{local}@xn--bcher-kva.example"
        assert [one["email"] for one in ticket["followers"]] == ["uwe@xn--bcher-kva.example"]


def test_the_keys_of_merged_tickets_are_replaced_together(bench: Bench) -> None:
    gone, kept = bench.ticket("Gone", external_id="merge-a"), bench.ticket("Kept", external_id="merge-b")
    bench.at_peer("PUT", f"/ticket/{gone['meta']['remote_id']}", {"MergeInto": kept["meta"]["remote_id"]})
    changed = bench.caller.write("PATCH", f"/v1/tickets/{kept['id']}", {"external_id": "merge-c"})
    assert (changed.status_code, changed.json()["external_id"]) == (200, "merge-c"), changed.text
    for key in ("merge-a", "merge-b"):
        assert bench.search(f"RefersTo = 'lockstitch:key/{key}'") == []


def test_what_the_peer_would_pass_over_is_refused_before(bench: Bench) -> None:
    made = bench.ticket("Passed over", description="It stays.")
    path = f"/v1/tickets/{made['id']}"
    for body, pointer in (
        ({"custom_fields": [{"key": "nowhere", "value": "x"}]}, "/custom_fields/0/value"),
        ({"description": "Another"}, "/description"),
        ({"team": {"connection": "rt", "remote_id": "999"}}, "/team/remote_id"),
        ({"requester": {"connection": "rt", "remote_id": "12"}}, "/requester/remote_id"),
        ({"requester": {"connection": "rt", "remote_id": "12\n"}}, "/requester/remote_id"),
        ({"subject": "ä" * 101}, "/subject"),
    ):
        assert pointers(bench.caller.write("PATCH", path, body)) == [pointer]
    assert bench.caller.write("PATCH", path, {"description": "It stays."}).status_code == 200


def test_a_time_in_a_custom_field_is_dropped_and_reported(bench: Bench) -> None:
    path = f"/v1/tickets/{bench.ticket('Called back')['id']}"
    called = {"custom_fields": [{"key": "called", "value": "2026-05-01T09:30:00Z"}]}
    dropped = expect(bench.caller.write("PATCH", path, called)).json()
    assert ("/custom_fields/0/value", "dropped") in lost(dropped)
    assert {one["key"]: one["value"] for one in dropped["custom_fields"]}["called"] is None
    assert pointers(bench.caller.write("PATCH", f"{path}?loss=none", called)) == ["/custom_fields/0/value"]


def test_a_ticket_without_a_queue_is_made_in_the_first(bench: Bench) -> None:
    made = bench.caller.create("/v1/tickets", {"subject": "No queue"})
    assert made["team"]["remote_id"] == min(bench.queues.values(), key=int)
    assert ("/team", "defaulted") in lost(made)
    refused = bench.caller.write("POST", "/v1/tickets?loss=none", {"subject": "No queue"})
    assert "/team" in pointers(refused)


def lost(ticket: dict[str, Any]) -> list[tuple[str, str]]:
    """The path and kind of each loss."""
    return [(one["path"], one["kind"]) for one in ticket["meta"]["loss"]]


def test_a_time_of_a_custom_field_is_read_in_utc_and_taken_away(bench: Bench) -> None:
    made = bench.ticket("A call")
    # Adelaide, half past nine hours and a half before.
    bench.at_peer("PUT", f"/ticket/{made['meta']['remote_id']}", {"CustomFields": {"Called": "2026-05-01 19:00:00"}})
    read = bench.caller.get(f"/v1/tickets/{made['id']}").json()
    assert {one["key"]: one["value"] for one in read["custom_fields"]}["called"] == "2026-05-01T09:30:00Z"
    cleared = bench.caller.write("PATCH", f"/v1/tickets/{made['id']}", {"custom_fields": []}).json()
    assert {one["key"]: one["value"] for one in cleared["custom_fields"]}["called"] is None


def test_updated_since_works_in_every_time_zone(bench: Bench) -> None:
    made = [bench.ticket(f"Change {number}")["meta"]["remote_id"] for number in range(3)]
    first = bench.at_peer("GET", f"/ticket/{made[0]}")["LastUpdated"]
    # A second is what Request Tracker counts in: what changes from now on has another one.
    deadline = datetime.fromisoformat(first) + timedelta(seconds=1)
    while datetime.now(UTC) < deadline:
        bench.at_peer("GET", f"/ticket/{made[0]}")
    bench.at_peer("PUT", f"/ticket/{made[0]}", {"Priority": 7})
    since = bench.at_peer("GET", f"/ticket/{made[0]}")["LastUpdated"]
    numbers: list[str] = []
    cursor = None
    while not numbers or cursor is not None:
        params = {"updated_since": since, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = bench.caller.get("/v1/tickets", params=params).json()
        numbers += [one["number"] for one in page["data"]]
        cursor = page["next_cursor"]
    assert made[0] in numbers
    assert len(numbers) == len(set(numbers))
    assert since > first


def test_filters_find_exactly(bench: Bench) -> None:
    made = bench.ticket("Filtered", requester={"email": "o'hara@example.com"}, external_id="Filter/1")
    assert made["requester"]["email"] == "o'hara@example.com"
    for params in ({"external_id": "Filter/1"}, {"number": made["number"]}):
        data = bench.caller.get("/v1/tickets", params=params).json()["data"]
        assert [one["number"] for one in data] == [made["number"]], params
    bench.caller.write("PATCH", f"/v1/tickets/{made['id']}", {"status": "closed"})
    closed = bench.caller.get("/v1/tickets", params={"status": "closed"}).json()["data"]
    assert made["number"] in [one["number"] for one in closed]
    assert {one["status_raw"] for one in closed} == {"rejected"}


def test_a_deleted_ticket_is_read_and_a_merged_one_is_the_other(bench: Bench) -> None:
    made, kept = bench.ticket("Deleted", description="Still there"), bench.ticket("Kept")
    deleted = bench.caller.write("PATCH", f"/v1/tickets/{made['id']}", {"status": "deleted"})
    assert (deleted.status_code, deleted.json()["status"]) == (200, "deleted"), deleted.text
    assert bench.caller.get(f"/v1/tickets/{made['id']}").json()["description"] == "Still there"
    gone = bench.ticket("Merged away")
    bench.at_peer("PUT", f"/ticket/{gone['meta']['remote_id']}", {"MergeInto": kept["meta"]["remote_id"]})
    assert bench.caller.get(f"/v1/tickets/rt:{gone['meta']['remote_id']}").json()["number"] == kept["number"]


def test_options_are_what_a_ticket_can_hold(bench: Bench) -> None:
    teams = bench.caller.get("/v1/options/rt/ticket/team").json()
    assert {"General", "Returns"} <= {one["label"] for one in teams["options"]}
