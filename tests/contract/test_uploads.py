"""Exports of a legacy system: rows become events once, bad ones dead letters that say why and can be mended."""

import os
import re
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.exports import HEADER, LAID, LEGACY, await_rows, dead_letters, events, export, line, send, settled
from tests.contract.facade import Facade
from tests.contract.raw_http import connect, head, holding
from tests.contract.waiting import until


@pytest.fixture(scope="module")
def uploading(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch with a legacy system."""
    folder = tmp_path_factory.mktemp("uploads")
    laid = LAID.replace("timezone =", f'folder = "{folder}/exports"\ntimezone =')
    with Facade(folder, module_database_url, more=LEGACY + laid).running() as facade:
        yield facade


@pytest.fixture
def caller(uploading: Facade) -> Iterator[Caller]:
    """A caller who may do everything."""
    with uploading.calling() as calling:
        yield calling


def events_about(caller: Caller, *remote_ids: str) -> list[tuple[str, str, list[str]]]:
    """Type, remote id and changed fields of every event about the records."""
    return [
        (event["type"], event["data"]["meta"]["remote_id"], event["changed"])
        for event in events(caller)
        if event["data"]["meta"]["remote_id"] in remote_ids
    ]


def test_rows_become_events_once(caller: Caller) -> None:
    content = export(line(1), line(2), line(2), line(3))
    upload = settled(caller, send(caller, content))
    assert (upload["rows"], upload["accepted"], upload["duplicates"], upload["settled"]) == (4, 3, 1, 3)
    again = settled(caller, send(caller, content))
    assert (again["accepted"], again["duplicates"]) == (0, 4)
    about_row = [event for event in events(caller) if event["data"]["meta"]["remote_id"] == "C00002"]
    assert [event["type"] for event in about_row] == ["customer.created"]
    customer = about_row[0]["data"]
    assert customer["id"].startswith("cus_")
    assert customer["emails"][0]["address"] == "ann.2@example.com"
    assert (customer["status"], customer["status_raw"], customer["kind"]) == ("active", "A", "person")
    assert customer["created_at"] == "2026-06-30T22:00:00Z"
    assert customer["meta"]["mapping"] == {"name": "csv.customer", "revision": 1, "vendor_api": "rfc4180"}
    assert "phones" in customer["meta"]["unsupported"]


def test_a_change_and_its_reversal_are_both_events(caller: Caller) -> None:
    for state in ("A", "X", "A", "A"):
        settled(caller, send(caller, export(line(20, state=state))))
    settled(caller, send(caller, export(line(20, state=" A "))))  # another row that says nothing else
    assert events_about(caller, "C00020") == [
        (
            "customer.created",
            "C00020",
            ["kind", "display_name", "last_name", "emails", "status", "status_raw", "created_at"],
        ),
        ("customer.updated", "C00020", ["status", "status_raw"]),
        ("customer.updated", "C00020", ["status", "status_raw"]),
    ]


def test_bad_rows_are_explained_mended_and_reported(caller: Caller) -> None:
    upload = settled(
        caller,
        send(caller, export(line(30), line(31, email="ann at example"), line(32) + ";more", line(30, state="X"))),
    )
    assert (upload["settled"], upload["refused"], upload["waiting"]) == (1, 3, 0)
    cell, surplus, second = dead_letters(caller, upload)
    assert cell["failure"] == {
        "category": "permanent",
        "reason": "is not an e-mail address",
        "path": '$.rows[3]["E-mail"]',
        "property": "E-mail",
        "mapping": "csv.customer",
        "revision": 1,
    }
    commands = {step["action"]: step["command"] for step in cell["next_steps"]}
    assert commands["send_again"] == "lockstitch uploads send FILE --connection legacy"
    assert commands["edit"] == f"lockstitch dead-letters show {cell['id']} --json | jq .payload > payload.json"
    assert "`E-mail`" in next(step["advice"] for step in cell["next_steps"] if step["action"] == "edit")
    assert surplus["failure"]["reason"].startswith("has 6 cells, but the header has 5")
    assert second["failure"]["reason"].startswith("contradicts row 2, which is about the same record")
    assert second["failure"]["path"] == "$.rows[5]"
    # A row as a whole is no property: nothing in its payload is called `rows`.
    assert (surplus["failure"]["property"], second["failure"]["property"]) == (None, None)
    assert "rows" not in "".join(
        step["advice"] for step in second["next_steps"] if step["action"] in ("edit", "redrive")
    )
    for letter, column, mended in ((cell, "E-mail", "ann.31@example.com"), (surplus, "Name", "Lee 32")):
        mend(caller, letter, **{column: mended})
    caller.post(f"/ops/dead-letters/{second['id']}/discard", json={"because": "the first one is right"})
    after = await_rows(caller, f"/v1/uploads/legacy/{upload['id']}")
    assert (after["settled"], after["refused"], after["discarded"]) == (3, 0, 1)
    assert sorted(one[:2] for one in events_about(caller, "C00030", "C00031", "C00032")) == [
        ("customer.created", "C00030"),
        ("customer.created", "C00031"),
        ("customer.created", "C00032"),
    ]


@pytest.mark.parametrize(("number", "is_edited"), [(40, True), (41, False)])
def test_an_old_row_that_is_redriven_late_does_not_undo_a_newer_one(
    caller: Caller, number: int, is_edited: bool
) -> None:
    first = settled(caller, send(caller, export(line(number, state="?"))))
    settled(caller, send(caller, export(line(number, state="X"))))
    (letter,) = dead_letters(caller, first)
    if is_edited:
        mend(caller, letter, State="A")
    else:
        caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={}).raise_for_status()
    assert await_rows(caller, f"/v1/uploads/legacy/{first['id']}")["settled"] == 1
    assert [one[0] for one in events_about(caller, f"C{number:05d}")] == ["customer.created"]
    assert passed_over(caller, first) == ["receipt.overtaken"]


def test_a_mended_row_does_not_overwrite_a_newer_one(caller: Caller) -> None:
    first = settled(caller, send(caller, export(line(42) + ";more", line(43, no="C00044", state="?"))))
    settled(caller, send(caller, export(line(42, state="X"), line(43, state="X"))))
    for letter in dead_letters(caller, first):
        number = letter["payload"]["payload"]["cells"]["Customer No"]
        mend(caller, letter, State="A", **{"Customer No": {"C00044": "C00043"}.get(number, "C00042")})
    await_rows(caller, f"/v1/uploads/legacy/{first['id']}")

    assert [one[0] for one in events_about(caller, "C00042", "C00043")] == ["customer.created"] * 2

    # In the other order the mended row is the newer one, and the next export says something else than it again.
    settled(caller, send(caller, export(line(45, state="X"))))
    second = settled(caller, send(caller, export(line(45) + ";more")))
    (letter,) = dead_letters(caller, second)
    mend(caller, letter)
    await_rows(caller, f"/v1/uploads/legacy/{second['id']}")
    settled(caller, send(caller, export(line(45, state="X"))))

    types = [one[0] for one in events_about(caller, "C00045")]
    assert types == ["customer.created", "customer.updated", "customer.updated"]


def mend(caller: Caller, letter: dict[str, Any], **cells: str) -> None:
    """Redrive a bad row as it should have been."""
    payload = letter["payload"]
    payload["payload"].pop("fault", None)
    payload["payload"]["cells"] |= cells
    caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={"payload": payload}).raise_for_status()


def passed_over(caller: Caller, upload: dict[str, Any]) -> list[str]:
    """What the run says of rows that came too late."""
    story = caller.get(f"/ops/runs/{upload['correlation_id']}", params={"limit": "200"}).raise_for_status().json()
    return [one["facts"]["type"] for one in story["data"] if "was skipped: a later row" in one["sentence"]]


@pytest.mark.parametrize("newer_first", [False, True])
def test_of_two_mended_rows_the_newer_wins_in_either_order(caller: Caller, newer_first: bool) -> None:
    number = 48 + newer_first
    older = settled(caller, send(caller, export(line(number) + ";more")))
    newer = settled(caller, send(caller, export(line(number, state="?"))))
    mending = [(older, "A"), (newer, "X")]
    for upload, state in reversed(mending) if newer_first else mending:
        (letter,) = dead_letters(caller, upload)
        mend(caller, letter, State=state)
        await_rows(caller, f"/v1/uploads/legacy/{upload['id']}")

    written = [
        event["data"]["status"] for event in events(caller) if event["data"]["meta"]["remote_id"] == f"C000{number}"
    ]
    assert written == (["blocked"] if newer_first else ["active", "blocked"])
    assert passed_over(caller, older) == (["receipt.overtaken"] if newer_first else [])
    assert passed_over(caller, newer) == []
    # The record said last what the newer row says, as it came.
    again = settled(caller, send(caller, export(line(number, state="?"))))
    assert again["duplicates"] == 1


def test_of_two_rows_that_are_mended_into_a_record_the_newer_one_stays(caller: Caller) -> None:
    older = settled(caller, send(caller, export(line(47) + ";more")))
    newer = settled(caller, send(caller, export(line(47, state="X") + ";more")))
    for upload in (newer, older):
        (letter,) = dead_letters(caller, upload)
        mend(caller, letter)
        await_rows(caller, f"/v1/uploads/legacy/{upload['id']}")

    assert [one[0] for one in events_about(caller, "C00047")] == ["customer.created"]
    assert passed_over(caller, older) == ["receipt.overtaken"]


def test_the_key_stands_for_one_file(caller: Caller) -> None:
    key, content = new_key(), export(line(50))
    first = send(caller, content, key=key)
    again = send(caller, content, key=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert (again.json()["accepted"], again.headers["idempotent-replayed"]) == (1, "true")
    assert code_of(send(caller, export(line(51)), key=key), 422) == "idempotency-key-reused"
    answer = caller.post("/v1/uploads/legacy", content=content, headers={"content-type": "text/csv"})
    assert code_of(answer, 400) == "idempotency-key-missing"


def test_a_file_that_cannot_be_trusted_is_refused_whole(caller: Caller) -> None:
    lacking = expect(send(caller, HEADER.replace("E-mail", "Mail").encode() + b"\n1;Lee;;A;\n"), 422, "invalid-field")
    assert "the header has no column 'E-mail'" in lacking.json()["detail"]
    cut = expect(send(caller, export(line(60)) + b'C00061;"Lee 61;ann'), 422, "invalid-field").json()
    assert "row 3 is not quoted" in cut["detail"]
    assert events_about(caller, "C00060") == []
    assert code_of(send(caller, b"", **{"content-type": "application/json"}), 415) == "unsupported-media-type"
    packed = expect(send(caller, export(line(60)), **{"content-encoding": "gzip"}), 415, "unsupported-media-type")
    assert packed.json()["next_step"] == "Send the body as it is, without Content-Encoding."
    latin = send(caller, export(line(60)), **{"content-type": "text/csv; charset=latin-1"})
    assert code_of(latin, 415) == "unsupported-media-type"
    assert code_of(send(caller, HEADER.encode() + b"\n" * (32 * 1024 * 1024)), 413) == "body-too-large"


def test_who_may_send_and_see(uploading: Facade, caller: Caller) -> None:
    with uploading.calling("customers:read", "orders:write") as reader, uploading.calling("tickets:write") as other:
        assert code_of(send(reader, export(line(70))), 403) == "forbidden"
        upload = settled(caller, send(caller, export(line(70))))
        path = f"/v1/uploads/legacy/{upload['id']}"
        assert reader.get(path).json()["id"] == upload["id"]
        assert code_of(other.get(path), 404) == "not-found"
    sent = {"idempotency-key": new_key(), "content-type": "text/csv"}
    assert code_of(caller.post("/v1/uploads/hubspot", content=b"", headers=sent), 404) == "not-found"
    assert code_of(caller.get("/v1/uploads/legacy/upl_0"), 404) == "not-found"


def test_an_upload_cannot_wait_for_an_approval(uploading: Facade) -> None:
    key = uploading.make_key("customers:write", needs_approval=True)
    with uploading.calling(secret=key.secret) as calling:
        refused = expect(send(calling, export(line(71))), 403, "forbidden").json()
        assert "needs an approval" in refused["detail"]


def test_what_became_of_files_and_rows_is_counted(uploading: Facade, caller: Caller) -> None:
    before = metrics(uploading)
    content = export(line(90), line(91, email="nobody"), line(92), line(92))
    settled(caller, send(caller, content))
    settled(caller, send(caller, content))
    settled(caller, send(caller, export(line(92, state=" a "))))
    send(caller, b"no;export")
    since = {name: value - before[name] for name, value in metrics(uploading).items() if value != before[name]}
    assert since == {
        ("lockstitch_uploads_total", "recorded"): 3,
        ("lockstitch_uploads_total", "refused"): 1,
        ("lockstitch_upload_rows_received_total", "accepted"): 4,
        ("lockstitch_upload_rows_received_total", "duplicate"): 5,
        ("lockstitch_upload_rows_processed_total", "applied"): 3,
        ("lockstitch_upload_rows_processed_total", "bad"): 1,
    }


def test_an_interrupted_export_is_finished_by_sending_it_again(uploading: Facade, caller: Caller) -> None:
    content = export(line(95), line(96))
    upload = settled(caller, send(caller, content))
    assert gauge(uploading, "lockstitch_uploads_unfinished") == 0
    broken_off = "ended_at = NULL, seen = 1, accepted = 1, created_at = created_at - interval '1 h'"
    uploading.sql(f"UPDATE upload SET {broken_off} WHERE id = $1", upload["id"])  # noqa: S608
    assert gauge(uploading, "lockstitch_uploads_unfinished") == 1
    assert 3600 < gauge(uploading, "lockstitch_uploads_oldest_seconds") < 3700
    settled(caller, send(caller, content))
    assert gauge(uploading, "lockstitch_uploads_unfinished") == 0
    assert gauge(uploading, "lockstitch_uploads_oldest_seconds") == 0


def test_a_run_lists_an_export_up_to_the_mended_row(caller: Caller) -> None:
    run = f"export-{new_key()}"
    upload = settled(caller, send(caller, export(line(98), line(99, state="Q")), **{"x-correlation-id": run}))
    (letter,) = dead_letters(caller, upload)
    mend(caller, letter, State="X")
    await_rows(caller, f"/v1/uploads/legacy/{upload['id']}")
    story = caller.get(f"/ops/runs/{run}", params={"limit": "200"}).raise_for_status().json()["data"]
    sentences = [entry["sentence"] for entry in story if entry["kind"] not in ("audit", "attempt", "request")]
    assert sentences[0] == f"Upload {upload['id']} started: 2 rows of legacy with one customer each."
    recorded = f"A row of upload {upload['id']} was recorded as in_"
    assert sum(sentence.startswith(recorded) for sentence in sentences) == 2
    assert f"Upload {upload['id']} was recorded: 2 of 2 rows were new or changed." in sentences
    (given_up,) = (sentence for sentence in sentences if "failed for good" in sentence)
    assert '$.rows[3]["State"]: is not one of the configured values: a, x' in given_up
    (redriven,) = (sentence for sentence in sentences if f"Dead letter {letter['id']} was redriven by " in sentence)
    assert "key_" not in redriven
    assert sentences[-1].startswith("Event customer.created of customer:C00099 was created")
    audited = {entry["facts"]["type"] for entry in story if entry["kind"] == "audit"}
    assert {"upload.begun", "upload.recorded", "receipt.received", "receipt.validated"} <= audited
    assert {"job.dead_lettered", "job.redriven", "job.processed", "event.appended"} <= audited


def test_an_export_cannot_be_asked(caller: Caller) -> None:
    answer = expect(caller.get("/v1/customers", params={"connection": "legacy"}), 422, "unsupported-action").json()
    assert "what its rows say comes as events" in answer["detail"]
    assert code_of(caller.get("/v1/orders/legacy:C00001"), 422) == "unsupported-action"


def test_a_record_of_an_export_is_read_as_its_last_row_has_it(caller: Caller) -> None:
    settled(caller, send(caller, export(line(70, state="A"))))
    settled(caller, send(caller, export(line(70, state="X"))))
    answer = expect(caller.get("/v1/customers/legacy:C00070"))
    customer = answer.json()
    (*_, newest) = [event for event in events(caller) if event["data"]["meta"]["remote_id"] == "C00070"]
    assert customer["status_raw"] == "X"
    as_of = customer["meta"].pop("as_of")
    assert customer == newest["data"]
    assert as_of
    assert int(answer.headers["age"]) >= 0
    assert "etag" not in answer.headers
    assert caller.get(f"/v1/customers/{customer['id']}").json()["id"] == customer["id"]
    assert code_of(caller.get("/v1/customers/legacy:C99999"), 404) == "not-found"


def test_exports_that_are_laid_into_a_folder_are_taken_once_and_moved(uploading: Facade, caller: Caller) -> None:
    folder = Path(tomllib.loads(uploading.configuration)["connections"]["laid"]["csv"]["folder"])
    folder.mkdir()
    lay(folder / "first.csv", export(line(80), line(81, email="nobody")))
    lay(folder / "cut.csv", export(line(82)) + b'C00083;"Lee 83')
    lay(folder / "notes.txt", b"no export")

    left = {"notes.txt"}
    until(lambda: {path.name for path in folder.glob("*.*")}, lambda names: not names > left)

    (taken,) = (folder / "taken").iterdir()
    assert taken.name.endswith("-first.csv")
    (reasons,) = (folder / "refused").glob("*-cut.csv.reasons.txt")
    assert "row 3 is not quoted" in reasons.read_text()
    lay(folder / "again.csv", taken.read_bytes())
    until(lambda: not (folder / "again.csv").exists() and events(caller, "laid"))
    assert [event["data"]["meta"]["remote_id"] for event in events(caller, "laid")] == ["C00080"]
    recorded = uploading.sql("SELECT rows, accepted FROM upload WHERE connection = 'laid' ORDER BY created_at")
    assert recorded == [{"rows": 2, "accepted": 2}, {"rows": 2, "accepted": 0}]


def metrics(facade: Facade) -> dict[tuple[str, str], float]:
    """What was counted of `legacy`, on the API and the worker together, by metric and outcome."""
    values: dict[tuple[str, str], float] = defaultdict(float)
    with facade.calling("ops:read") as calling:
        for process in (facade.api, facade.worker):
            text = calling.get(f"{process.url}/metrics").raise_for_status().text
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if family.name.startswith("lockstitch_upload") and "outcome" in sample.labels:
                        is_ours = sample.labels["connection"] == "legacy"
                        values[sample.name, sample.labels["outcome"]] += sample.value * is_ours
    return values


def gauge(facade: Facade, name: str) -> float:
    """A figure of `legacy` that the database knows."""
    with facade.calling("ops:read") as calling:
        text = calling.get("/metrics").raise_for_status().text
    (sample,) = re.findall(rf'^{name}{{connection="legacy"}} (.*)$', text, re.MULTILINE)
    return float(sample)


def lay(path: Path, content: bytes) -> None:
    """A file that somebody wrote a minute ago."""
    path.write_bytes(content)
    os.utime(path, (time.time() - 60, time.time() - 60))


def beginning(secret: str | None, announced: int) -> bytes:
    """The head of an upload of so many bytes."""
    headers = (f"Authorization: Bearer {secret}", f"Idempotency-Key: {new_key()}", "Content-Type: text/csv")
    return head("POST", "/v1/uploads/legacy", *headers, f"Content-Length: {announced}")


def test_an_unfinished_export_holds_up_its_own_caller_alone(uploading: Facade, caller: Caller) -> None:
    with uploading.calling() as other, holding(caller.url, 6, beginning(caller.secret, 1000) + HEADER.encode()):
        assert send(other, export(line(60))).status_code == 202
        with uploading.calling(secret=caller.secret) as hurried:
            hurried.timeout = 1
            with pytest.raises(httpx.TimeoutException):
                send(hurried, export(line(61)))
    assert send(caller, export(line(61))).status_code == 202


def test_an_export_has_longer_than_another_body_and_not_for_ever(uploading: Facade, caller: Caller) -> None:
    content = export(line(62))
    with uploading.another_api(LOCKSTITCH_BODY_TIMEOUT="1") as process, connect(process.url) as connection:
        connection.sendall(beginning(caller.secret, len(content)) + content[:-1])
        time.sleep(1.5)
        connection.sendall(content[-1:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 202 ")
    with uploading.another_api(LOCKSTITCH_UPLOAD_TIMEOUT="1") as process, connect(process.url) as connection:
        connection.sendall(beginning(caller.secret, len(content)) + content[:-1])
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"The body did not end within 1 s." in answer
