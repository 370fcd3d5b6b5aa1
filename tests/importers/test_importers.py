"""Tools that people import the OpenAPI document with, against `lockstitch dev`: what they make of it works as it is.

`tests/importers/run` installs the tools and names their folder; without it the tests are skipped.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dev.test_dev import Dev
from tests.open_folder import open_folder

HERE = Path(__file__).parent
TOOLS = Path(os.environ.get("LOCKSTITCH_IMPORTERS", "/nonexistent"))
NODE = str(TOOLS / "node/bin/node")
PATIENCE = 180.0
AS_EXAMPLES = "parametersResolution=Example,folderStrategy=Tags"
WRITES = ("create_customer", "create_order", "create_ticket", "change_customer", "change_order", "change_ticket")
CALLS = (
    *WRITES,
    *("read_customer", "read_order", "read_ticket", "list_customers", "list_orders", "list_tickets"),
    *("look_up_customer", "look_up_ticket", "list_orders_of_customer", "list_tickets_of_customer"),
    *("add_comment", "list_comments", "change_tags_of_ticket", "copy_customer", "cancel_order"),
)
"""Calls that somebody tries first, each after those that it needs."""
KEYS = {"look_up_customer": "email", "look_up_ticket": "external_id"}

pytestmark = pytest.mark.skipif(not TOOLS.is_dir(), reason="run tests/importers/run")


class Lockstitch:
    """The document as it is served, in a file, and what runs behind it."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.api: str = facts["api"]
        self.key: str = facts["key"]
        self.emulators: str = facts["emulators"]
        self.file = folder / "openapi.json"
        self.file.write_bytes(httpx.get(f"{self.api}/schema/openapi.json").raise_for_status().content)
        self.document: dict[str, Any] = json.loads(self.file.read_bytes())

    def operations(self) -> Iterator[dict[str, Any]]:
        for methods in self.document["paths"].values():
            yield from methods.values()

    def contact(self, remote_id: str) -> dict[str, Any]:
        """The properties of a contact in the HubSpot emulator."""
        query = {"vendor": "hubspot", "object": "contacts"}
        records = httpx.get(f"{self.emulators}/_emulator/records", params=query).json()["records"]
        return next(one for one in records if one["id"] == remote_id)["properties"]


@pytest.fixture(scope="module")
def lockstitch() -> Iterator[Lockstitch]:
    folder = open_folder("lockstitch-importers-")
    dev = Dev(folder)
    try:
        yield Lockstitch(folder, dev.start())
    finally:
        dev.close()
        shutil.rmtree(folder)


def run(*command: str | Path, stdin: str = "", **environment: str) -> str:
    """What a tool prints, run among the tools. Raises AssertionError with its words where it fails."""
    path = f"{TOOLS}/node/bin:{os.environ['PATH']}"
    done = subprocess.run(
        [str(word) for word in command],
        cwd=TOOLS,
        env={**os.environ, "PATH": path, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def imported(lockstitch: Lockstitch, folder: Path, options: str) -> dict[str, Any]:
    """The collection that Postman makes of the document, with these options of its import."""
    target = folder / "collection.json"
    converter = TOOLS / "node_modules/.bin/openapi2postmanv2"
    run(NODE, converter, "-s", lockstitch.file, "-o", target, *(("-O", options) if options else ()))
    return json.loads(target.read_bytes())


def requests_of(folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in folder["item"]:
        yield from requests_of(one) if "item" in one else (one,)


def test_postman_fills_in_no_optional_header(lockstitch: Lockstitch, tmp_path: Path) -> None:
    collection = imported(lockstitch, tmp_path, "")
    sent = {header["key"] for one in requests_of(collection) for header in one["request"]["header"]}
    assert sent == {"Accept", "Content-Type", "Idempotency-Key"}
    assert len(list(requests_of(collection))) == len(list(lockstitch.operations()))


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        pytest.param(f"{AS_EXAMPLES},enableOptionalParameters=false", CALLS, id="required parameters"),
        pytest.param(AS_EXAMPLES, WRITES, id="all parameters"),
    ],
)
def test_requests_that_postman_imports_succeed_as_they_are(
    lockstitch: Lockstitch, tmp_path: Path, options: str, calls: tuple[str, ...]
) -> None:
    collection = imported(lockstitch, tmp_path, options)
    summaries = {one["operationId"]: one["summary"] for one in lockstitch.operations()}
    by_name = {one["name"]: one for one in requests_of(collection)}
    collection["item"] = [prepared(call, by_name[summaries[call]]) for call in calls]
    collection["variable"].append({"key": "bearerToken", "value": lockstitch.key})
    file, report = tmp_path / "chosen.json", tmp_path / "report.json"
    file.write_text(json.dumps(collection))
    run(NODE, TOOLS / "node_modules/.bin/newman", "run", file, "-r", "json", "--reporter-json-export", report)
    answers = [
        (one["item"]["name"], one["response"]["code"], bytes(one["response"]["stream"]["data"])[:600])
        for one in json.loads(report.read_bytes())["run"]["executions"]
    ]
    assert len(answers) == len(calls)
    assert [one for one in answers if one[1] not in (200, 201)] == []


def prepared(call: str, imported: dict[str, Any]) -> dict[str, Any]:
    """An imported request with what a person does by hand: the id of a new record goes into the next requests, and a
    look-up gets its key."""
    kind = next(kind for kind in ("customer", "order", "ticket", "comment") if kind in call)
    url = imported["request"]["url"]
    for variable in url.get("variable", ()):
        variable["value"] = "{{ticket}}" if kind == "comment" else f"{{{{{kind}}}}}"
    for part in url.get("query", ()) if call in KEYS else ():
        part["disabled"] = part["key"] != KEYS[call]
    if call.startswith("create_"):
        keep = f"pm.collectionVariables.set('{kind}', pm.response.json().id)"
        imported["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": [keep]}}]
    return imported


def test_curl_commands_import_into_n8n(lockstitch: Lockstitch, tmp_path: Path) -> None:
    samples = {
        one["operationId"]: one["x-codeSamples"][0]["source"]
        for one in lockstitch.operations()
        if "x-codeSamples" in one
    }
    shutil.copy(HERE / "curl.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules")
    lines = run(NODE, tmp_path / "curl.mjs", stdin="".join(f"{json.dumps(one)}\n" for one in samples.values()))
    parsed = dict(zip(samples, map(json.loads, lines.splitlines()), strict=True))
    keys = [one["headers"]["Idempotency-Key"] for one in parsed.values() if "Idempotency-Key" in one["headers"]]
    # A value that begins with `=` is an expression in n8n: another one for each run and item, the same for a retry.
    assert all(key.startswith("={{$workflow.id}}-{{$execution.id}}-") and "$itemIndex" in key for key in keys)
    assert len(set(keys)) == len(keys) > 15
    for name, one in parsed.items():
        assert one["url"].startswith(f"{lockstitch.api}/"), name
        assert re.search(r"[{}$<>]", one["raw_url"]) is None, name
    assert parsed["create_customer"]["method"] == "post"
    assert parsed["create_customer"]["data"]["emails"] == [{"address": "ann@example.com", "is_primary": True}]


def test_a_curl_command_works_in_a_terminal_too(lockstitch: Lockstitch) -> None:
    create, look_up = (
        next(one for one in lockstitch.operations() if one["operationId"] == name)["x-codeSamples"][0]["source"]
        for name in ("create_ticket", "look_up_ticket")
    )
    # The ticket of the imported requests has this key too.
    create, look_up = (one.replace("form-815", "form-816") for one in (create, look_up))
    made, read = (json.loads(run("bash", "-c", one.replace("YOUR_KEY", lockstitch.key))) for one in (create, look_up))
    assert made["id"] == read["id"]
    assert read["subject"] == "Late parcel"


def test_the_generated_python_client_works(lockstitch: Lockstitch, tmp_path: Path) -> None:
    generator = TOOLS / "python/bin/openapi-generator-cli"
    package = ("--package-name", "lockstitch_client", "--global-property", "apiTests=false,modelTests=false")
    run(generator, "generate", "-g", "python", "-i", lockstitch.file, "-o", tmp_path, *package)
    client = (TOOLS / "python/bin/python", HERE / "client.py")
    answer = json.loads(run(*client, lockstitch.api, lockstitch.key, PYTHONPATH=str(tmp_path)))
    assert answer["last_name"] == answer["changed"] == "Holt-Lind"
    assert answer["refused"] == "not-found"
    contact = lockstitch.contact(answer["remote_id"])
    assert (contact["firstname"], contact["lastname"]) == ("Mira", "Holt-Lind")
    assert contact["email"] == answer["email"] == "mira.holt@example.com"


def test_the_generated_typescript_client_compiles_and_works(lockstitch: Lockstitch, tmp_path: Path) -> None:
    shutil.copy(HERE / "client.ts", tmp_path)
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules")
    tools = TOOLS / "node_modules/.bin"
    run(NODE, tools / "openapi-ts", "-i", lockstitch.file, "-o", tmp_path / "lockstitch", "--no-log-file")
    target = ("--target", "es2022", "--module", "commonjs", "--lib", "es2022,dom,dom.iterable", "--types", "node")
    run(NODE, tools / "tsc", "--strict", *target, "--outDir", tmp_path / "js", tmp_path / "client.ts")
    answer = json.loads(run(NODE, tmp_path / "js/client.js", lockstitch.api, lockstitch.key))
    assert answer["last_name"] == answer["changed"] == "Falk-Lind"
    assert answer["refused"] == "not-found"
    contact = lockstitch.contact(answer["remote_id"])
    assert (contact["firstname"], contact["lastname"]) == ("Juno", "Falk-Lind")
    assert contact["email"] == answer["email"] == "juno.falk@example.com"
