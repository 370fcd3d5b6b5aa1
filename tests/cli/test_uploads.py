"""`lockstitch uploads`: send an export once, without the API, and show its rows' outcomes at 80 columns."""

import subprocess
from pathlib import Path

import pytest

from tests.commands import json_of, lockstitch, output_of
from tests.contract.exports import LEGACY, export, line
from tests.encryption import ENCRYPTION_KEYS


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "lockstitch.toml"
    config.write_text(LEGACY)
    return {
        "LOCKSTITCH_DATABASE_URL": database_url,
        "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "LOCKSTITCH_CONFIG": str(config),
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three rows, of which two say the same."""
    made = tmp_path / "customers.csv"
    made.write_bytes(export(line(1), line(2), line(2)))
    return made


def send(environment: dict[str, str], file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return lockstitch("uploads", "send", str(file), "--connection", "legacy", *options, environment=environment)


def test_a_file_is_sent_once_however_often_it_is_sent(environment: dict[str, str], file: Path) -> None:
    first = json_of(send(environment, file, "--json"))
    assert (first["connection"], first["object"], first["state"]) == ("legacy", "customer", "working")
    assert (first["rows"], first["accepted"], first["duplicates"], first["waiting"]) == (3, 2, 1, 2)
    again = json_of(send(environment, file, "--json"))
    assert (again["accepted"], again["duplicates"], again["state"]) == (0, 3, "done")
    assert again["id"] != first["id"]


def test_a_key_names_a_file(environment: dict[str, str], file: Path, tmp_path: Path) -> None:
    first = json_of(send(environment, file, "--key", "may", "--json"))
    again = send(environment, file, "--key", "may", "--json")
    assert json_of(again)["id"] == first["id"]
    assert "already recorded under this key" in again.stderr
    other = tmp_path / "other.csv"
    other.write_bytes(export(line(3)))
    refused = send(environment, other, "--key", "may")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is another file" in refused.stderr


def test_they_are_listed_newest_first_and_shown(environment: dict[str, str], file: Path) -> None:
    ids = [json_of(send(environment, file, "--json"))["id"] for _ in range(3)]
    output = output_of(lockstitch("uploads", "list", environment=environment))
    assert [output.index(each) for each in ids] == sorted((output.index(each) for each in ids), reverse=True)
    page = json_of(lockstitch("uploads", "list", "--limit", "2", "--json", environment=environment))
    assert [each["id"] for each in page["data"]] == ids[:0:-1]
    rest = lockstitch("uploads", "list", "--cursor", page["next_cursor"], "--json", environment=environment)
    assert [each["id"] for each in json_of(rest)["data"]] == [ids[0]]
    none = lockstitch("uploads", "list", "--connection", "other", environment=environment)
    assert (none.returncode, none.stderr.partition(".")[0]) == (1, "There is no connection other")

    shown_upload = output_of(lockstitch("uploads", "show", ids[0], environment=environment))
    facts = dict(line.rsplit(maxsplit=1) for line in shown_upload.splitlines())
    counts = [facts[name] for name in ("rows", "accepted", "duplicates", "waiting")]
    assert counts == ["3", "2", "1", "2"]


def test_who_sent_it_is_audited(environment: dict[str, str], file: Path) -> None:
    upload = json_of(send(environment, file, "--json"))
    audited = json_of(lockstitch("audit", "list", "--type", "upload.*", "--json", environment=environment))
    begun = [event for event in audited["data"] if event["type"] == "upload.begun"]
    assert [(event["subject"], event["correlation_id"]) for event in begun] == [
        (upload["id"], upload["correlation_id"])
    ]
    assert begun[0]["actor"].startswith("cli:")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("Customer No;Name\r\n1;Lee\r\n".encode("utf-16"), "it is UTF-16"),
        (b"1;Zoe Quill;zoe@example.com;A;01.07.2026\r\n", "is it the header?\n"),
        (b"", "it is empty"),
    ],
)
def test_a_refused_file_is_explained_without_personal_data(
    environment: dict[str, str], tmp_path: Path, content: bytes, word: str
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(content)
    done = send(environment, bad)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert word in done.stderr
    assert "zoe" not in done.stderr.lower()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("send", "/does/not/exist", "--connection", "legacy"), 2, "cannot be read"),
        (("send", "/dev/null", "--connection", "nobody"), 1, "Known connections: legacy"),
        (("send", "/dev/null", "--connection", "legacy", "--key", ""), 2, "--key"),
        (("send", "/dev/null"), 2, "connection"),
        (("show", "upl_0"), 1, "No upload has the id upl_0."),
        (("list", "--limit", "0"), 2, "--limit 0"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_a_code(
    environment: dict[str, str], arguments: tuple[str, ...], code: int, word: str
) -> None:
    done = lockstitch("uploads", *arguments, environment=environment)
    assert done.returncode == code, done.stderr
    assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
