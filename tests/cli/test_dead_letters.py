"""Operators' commands: they work on the database alone, are readable at 80 columns, and end with what scripts go by."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.queue.models import JobFailure, NewJob
from tests.commands import exits, json_of, lockstitch, output_of
from tests.dead_letters import bury
from tests.encryption import ENCRYPTION_KEYS

TRANSIENT = JobFailure(category="transient", reason="vendor-unavailable")
UNMAPPABLE = JobFailure(
    category="permanent", reason="unmappable", path="$.properties.email", mapping="hubspot.customer", revision=1
)


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {"LOCKSTITCH_DATABASE_URL": database_url, "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS}


@pytest.fixture
def ids(database_url: str) -> list[str]:
    """Three that died alike and one that was refused."""
    jobs = [new(f"k{number}") for number in range(3)]
    return asyncio.run(bury(database_url, *jobs, failure=TRANSIENT)) + asyncio.run(
        bury(database_url, new("k9", connection="shopify", payload=b'{"email": "x"}'), failure=UNMAPPABLE)
    )


def new(key: str, **facts: Any) -> NewJob:
    return NewJob(
        **{
            "kind": "work",
            "payload": b"{}",
            "connection": "hubspot",
            "order_key": f"customer:{key}",
            "dedupe_key": key,
            "correlation_id": "run-1",
            **facts,
        }
    )


def test_they_are_listed_filtered_and_paged(environment: dict[str, str], ids: list[str]) -> None:
    output = output_of(lockstitch("dead-letters", "list", environment=environment))
    assert all(each in output for each in ids)
    assert "vendor-unavailable" in output

    narrowed = output_of(
        lockstitch("dead-letters", "list", "--category", "permanent", "--since", "1h", environment=environment)
    )
    assert ids[3] in narrowed
    assert ids[0] not in narrowed
    first = json_of(lockstitch("dead-letters", "list", "--limit", "3", "--json", environment=environment))
    assert [each["id"] for each in first["data"]] == ids[:0:-1]
    more = ("--cursor", first["next_cursor"], "--json")
    rest = json_of(lockstitch("dead-letters", "list", *more, environment=environment))
    assert [each["id"] for each in rest["data"]] == [ids[0]]
    # As if those behind the cursor had been closed meanwhile.
    beyond = lockstitch("dead-letters", "list", "--cursor", ids[0], "--json", environment=environment)
    assert json_of(beyond)["data"] == []


def test_one_is_shown_with_payload_attempts_and_next_steps(environment: dict[str, str], ids: list[str]) -> None:
    output = output_of(lockstitch("dead-letters", "show", ids[3], environment=environment))
    for each in ("$.properties.email", "hubspot.customer r1", '"email": "x"', "dead: unmappable", "discard:"):
        assert each in output

    whole = json_of(lockstitch("dead-letters", "show", ids[3], "--json", environment=environment))
    assert whole["payload"] == {"email": "x"}
    assert [attempt["outcome"] for attempt in whole["history"]] == ["dead"]


def test_decisions_are_made_once_and_audited_with_who_made_them(environment: dict[str, str], ids: list[str]) -> None:
    assert ids[0] in output_of(lockstitch("dead-letters", "redrive", ids[0], environment=environment))
    again = exits(lockstitch("dead-letters", "redrive", ids[0], environment=environment), 3)
    assert "redriven by cli:" in again.stderr

    assert "discarded" in output_of(
        lockstitch("dead-letters", "discard", ids[1], "--because", "merged", environment=environment)
    )
    letter = json_of(lockstitch("dead-letters", "show", ids[1], "--json", environment=environment))
    assert letter["decision"]["because"] == "merged"
    assert letter["decision"]["by"].startswith("cli:")


def test_a_redrive_is_tried_out_started_watched_and_cancelled(environment: dict[str, str], ids: list[str]) -> None:
    tried = output_of(
        lockstitch("redrive", "start", "--connection", "hubspot", "--rate", "3", "--dry-run", environment=environment)
    )
    assert "3 dead letters, in about 1.0 s" in tried
    assert ids[0] in tried
    assert "skip" not in tried

    begun = output_of(lockstitch("redrive", "start", "--all", environment=environment))
    assert "4 dead letters" in begun
    redrive_id = begun.split()[0]
    assert redrive_id in output_of(lockstitch("redrive", "status", environment=environment))
    assert "0/4" in output_of(lockstitch("redrive", "status", redrive_id, environment=environment))
    assert "4 left" in output_of(lockstitch("redrive", "cancel", redrive_id, environment=environment))
    again = lockstitch("redrive", "cancel", redrive_id, environment=environment)
    assert (again.returncode, "cancelled" in again.stderr) == (3, True)
    followed = json_of(lockstitch("redrive", "status", redrive_id, "--follow", "--json", environment=environment))
    assert followed["state"] == "cancelled"


def test_a_dry_run_says_how_many_it_skips(environment: dict[str, str], ids: list[str], database_url: str) -> None:
    asyncio.run(bury(database_url, new("k0"), failure=TRANSIENT))
    tried = output_of(lockstitch("redrive", "start", "--connection", "hubspot", "--dry-run", environment=environment))
    assert "This would redrive 3 dead letters.\nIt skips 1 whose work is queued already." in tried
    begun = output_of(lockstitch("redrive", "start", "--connection", "hubspot", environment=environment))
    assert "will redrive 3 dead letters.\nIt skips 1 whose work is queued already." in begun


def test_a_redrive_of_a_misspelt_connection_is_refused(
    environment: dict[str, str], ids: list[str], tmp_path: Path
) -> None:
    """`0 dead letters` would look like good news."""
    config = tmp_path / "lockstitch.toml"
    config.write_text('[connections.shop]\nvendor = "hubspot"\n')
    here = {**environment, "LOCKSTITCH_CONFIG": str(config)}
    for arguments in (("--dry-run",), ()):
        refused = lockstitch("redrive", "start", "--connection", "shpo", *arguments, environment=here)
        assert (refused.returncode, "Did you mean shop?" in refused.stderr) == (1, True), refused.stderr
    # Its dead letters outlive a connection that was removed.
    assert "3 dead letters" in output_of(
        lockstitch("redrive", "start", "--connection", "hubspot", "--dry-run", environment=here)
    )
    assert output_of(lockstitch("redrive", "status", environment=here)) == "No redrives.\n"


async def let_probe(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO lane (connection, blocked_reason, blocked_until, blocked_at, blocked_note)"
        " VALUES ('hubspot', 'throttle', now(), now(), 'it timed out')"
    )
    await connection.close()


def test_queue_shows_figures(environment: dict[str, str], database_url: str, ids: list[str]) -> None:
    lockstitch("dead-letters", "redrive", ids[0], environment=environment)
    output = output_of(lockstitch("queue", environment=environment))
    assert "1 job, " in output
    assert "3 dead letters" in output
    assert re.search(r"hubspot +work +1 +0 +1 +0", output)
    whole = json_of(lockstitch("queue", "--json", environment=environment))
    assert (whole["depth"], whole["dead_letters"]) == (1, 3)
    asyncio.run(let_probe(database_url))
    assert "hubspot is probing: it timed out" in output_of(lockstitch("queue", environment=environment))


@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("dead-letters", "show", "dl_0"), 1, "No dead letter"),
        (("dead-letters", "show", ""), 1, "The id of the dead letter is empty."),
        (("dead-letters", "list", "--since", "yesterday"), 2, "--since yesterday"),
        (("dead-letters", "list", "--since", "999999d"), 2, "--since 999999d"),
        (("dead-letters", "list", "--limit", "0"), 2, "--limit 0"),
        (("dead-letters", "list", "--cursor", "zzz"), 2, "--cursor zzz"),
        (("dead-letters", "list", "--cursor", "sub_0"), 2, "--cursor sub_0"),
        (("dead-letters", "list", "--cursor", "bf_0"), 2, "--cursor bf_0"),
        (("links", "review", "--cursor", "zzz"), 2, "--cursor zzz"),
        (("dead-letters", "discard", "dl_0"), 2, "because"),
        (("dead-letters", "discard", "dl_0", "--because", " "), 2, "--because: must be text"),
        (("dead-letters", "redrive", "dl_0", "--payload", "/does/not/exist"), 2, "cannot be read"),
        (("redrive", "start"), 2, "--all"),
        (("redrive", "start", "--all", "--rate", "0"), 2, "--rate 0"),
        (("redrive", "status", "rdv_0"), 1, "No redrive"),
        (("backfill", "start", "nowhere", "customer"), 3, "connection: no connection of this name"),
        (("redrive", "cancel", "rdv_0"), 1, "No redrive"),
        (("reconcile", "start", "--connection", "hubspot", "--object", "comment"), 2, '"comment"'),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_a_code(
    environment: dict[str, str], arguments: tuple[str, ...], code: int, word: str
) -> None:
    done = lockstitch(*arguments, environment=environment)
    assert done.returncode == code, done.stderr
    assert word in done.stderr
    assert f"/{word}" not in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_keys_it_says_which_it_wants(environment: dict[str, str], tmp_path: Path) -> None:
    url = environment["LOCKSTITCH_DATABASE_URL"]
    done = lockstitch("queue", environment={"LOCKSTITCH_DATABASE_URL": url, "LOCKSTITCH_DATA_DIR": str(tmp_path)})
    assert done.returncode == 1
    assert "LOCKSTITCH_ENCRYPTION_KEYS" in done.stderr


def test_with_other_keys_it_says_which_are_missing(environment: dict[str, str]) -> None:
    export = ("person", "export", "--email", "ann@example.com")
    exits(lockstitch(*export, environment=environment))  # makes the secret of digests
    done = lockstitch(*export, environment={**environment, "LOCKSTITCH_ENCRYPTION_KEYS": f"other:{'A' * 43}="})
    assert done.returncode == 1
    assert "is not among LOCKSTITCH_ENCRYPTION_KEYS. Use the keys of the processes." in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_find_a_running_dev_without_settings(
    environment: dict[str, str], ids: list[str], tmp_path: Path
) -> None:
    (tmp_path / "dev.json").write_text(json.dumps({"database_url": environment["LOCKSTITCH_DATABASE_URL"]}))
    (tmp_path / "encryption-key").write_text(environment["LOCKSTITCH_ENCRYPTION_KEYS"])
    done = lockstitch("dead-letters", "show", ids[3], "--json", environment={"LOCKSTITCH_DATA_DIR": str(tmp_path)})
    assert json_of(done)["payload"] == {"email": "x"}


def test_a_payload_is_edited_only_where_that_has_an_effect(environment: dict[str, str], ids: list[str]) -> None:
    done = exits(lockstitch("dead-letters", "redrive", ids[0], "--payload", "-", environment=environment, text="{}"), 3)
    assert "omit it" in done.stderr


def test_keys_are_listed_at_80_columns(environment: dict[str, str]) -> None:
    scopes = [word for scope in ("subscriptions:write", "customers:write", "ops:read") for word in ("--scope", scope)]
    lockstitch("key", "create", "n8n", *scopes, environment=environment)
    output = output_of(lockstitch("key", "list", environment=environment))
    for each in ("n8n", "subscriptions:write", "expires never"):
        assert each in output
