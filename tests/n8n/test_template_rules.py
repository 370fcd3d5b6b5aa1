"""What every n8n template owes the person who builds with it and the one who reads its results."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.n8n_files import (
    FOLDER,
    LOCKSTITCH,
    TEMPLATES,
    Template,
    assigned,
    calls_of,
    headers_of,
    links_of,
    nodes_before,
    nodes_of,
    trigger_of,
    writes_of,
)

WITHOUT_SET_AND_CODE: Final = (
    "schedule--nightly-copy",
    "event--order-cancelled-notice",
    "event--new-ticket-enriched",
    "webhook--new-ticket-enriched",
    "event--stock-low-ticket",
    "event--invoice-paid-ledger",
)
WRITES: Final = {"create", "upsert", "update", "copy", "comment", "tags", "cancel", "archive"}
# Nothing is written twice there: a claim and a note have no target, and releasing twice is releasing.
WITHOUT_TARGET: Final = re.compile(r"/v1/(claims|runs)")


@pytest.fixture(params=TEMPLATES, ids=lambda path: path.stem)
def template(request: pytest.FixtureRequest) -> Template:
    return json.loads(request.param.read_bytes())


def read(path: Path) -> Template:
    return json.loads(path.read_bytes())


def expression(text: str) -> str:
    """An expression without what marks it as one."""
    return text.removeprefix("=").removeprefix("{{").removesuffix("}}").strip()


def target_of(write: dict[str, Any]) -> str:
    """The connection that a node writes to."""
    if write["parameters"]["url"].endswith("/copies"):
        (target,) = re.findall(r'"connection": "([^"]+)"', write["parameters"]["jsonBody"])
    else:
        query = write["parameters"]["queryParameters"]["parameters"]
        (target,) = (one["value"] for one in query if one["name"] == "connection")
    return expression(target)


def test_a_key_names_its_target_and_its_workflow(template: Template) -> None:
    runs = [assigned(node)["run_id"] for node in nodes_of(template, "set") if node["name"] == "Run"]
    for write in writes_of(template):
        if WITHOUT_TARGET.search(write["parameters"]["url"]):
            continue
        key = headers_of(write)["Idempotency-Key"]
        named = key + "".join(runs) if "run_id" in key else key
        assert "$workflow.id" in named, write["name"]
        assert target_of(write) in key, write["name"]


def test_a_write_of_the_community_node_has_a_business_key(template: Template) -> None:
    """It survives n8n's Retry, which starts a new execution. The node adds workflow, node and connection."""
    for node in template["nodes"]:
        parameters = node["parameters"]
        if node["type"] == f"{LOCKSTITCH}.lockstitch" and parameters["operation"] in WRITES:
            assert ".id }}" in parameters["options"]["businessKey"] or "remote_updated_at" in json.dumps(parameters)


def test_a_claim_is_of_its_workflow_and_kept_only_after_the_work(template: Template) -> None:
    """If n8n ends between the claim and the work, an equal run has to get the name soon."""
    claims = [write for write in writes_of(template) if write["parameters"]["url"].endswith("/v1/claims")]
    if not claims:
        return
    first, kept = claims
    bodies = [claim["parameters"]["jsonBody"] for claim in claims]
    short, long = (int(re.findall(r"ttl: (\d+)", body)[0]) for body in bodies)

    assert "${$workflow.id}-" in bodies[0]
    assert f"name: $('{first['name']}').first().json.name" in bodies[1]
    assert headers_of(first)["Idempotency-Key"] == headers_of(kept)["Idempotency-Key"]
    assert short <= 600
    assert short < long
    done = {source for source, output, target in links_of(template) if (output, target) == (0, kept["name"])}
    assert done.isdisjoint({first["name"]})
    assert first["name"] in nodes_before(template, kept["name"])


@pytest.mark.parametrize("name", WITHOUT_SET_AND_CODE)
def test_it_stands_without_a_set_or_code_node(name: str) -> None:
    template = read(FOLDER / f"{name}.json")

    assert not nodes_of(template, "set")
    assert not nodes_of(template, "code")


def test_it_has_a_description_a_tag_and_a_note(template: Template) -> None:
    assert 40 < len(template["description"]) < 160
    # One fixed id: n8n imports the folder in one go only if all files mean the same tag.
    assert template["tags"] == [{"id": "lsTagLockstitch", "name": "Lockstitch"}]
    assert nodes_of(template, "stickyNote")


def test_every_call_belongs_to_the_run(template: Template) -> None:
    for call in calls_of(template):
        assert "run_id }}" in headers_of(call)["X-Correlation-ID"]
        assert not call.get("retryOnFail")


def test_an_error_ends_where_a_person_looks(template: Template) -> None:
    """In a failed execution, in words at the end of the branch, or in an answer that makes the caller send again."""
    ends = {node["name"] for kind in ("stopAndError", "respondToWebhook") for node in nodes_of(template, kind)}
    ends |= {"In plain words", "Internal note"}  # an agent reads the note
    for node in template["nodes"]:
        if node.get("onError") == "continueErrorOutput":
            assert reached(template, node["name"]) & ends, node["name"]
        if node.get("onError") == "continueRegularOutput":
            assert node["parameters"]["method"] == "GET" or node["name"] == "Release"


def reached(template: Template, name: str) -> set[str]:
    """The nodes that the error output of a node leads to."""
    links = links_of(template)
    names = {target for source, output, target in links if (source, output) == (name, 1)}
    while more := {target for source, _, target in links if source in names} - names:
        names |= more
    return names


def test_a_workflow_with_a_trigger_that_answers_answers_on_every_path(template: Template) -> None:
    links = links_of(template)
    if not nodes_of(template, "webhook"):
        return
    answers = {node["name"] for node in nodes_of(template, "respondToWebhook")}
    paths = [[trigger_of(template)]]
    while paths:
        path = paths.pop()
        further = {target for source, _, target in links if source == path[-1]} - set(path)
        assert further or answers & set(path), path
        paths += [[*path, target] for target in further]
