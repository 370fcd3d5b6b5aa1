"""`lockstitch workflow`: the lint of n8n workflows, and their comparison by meaning."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ROOT, exits, lockstitch

TEMPLATES = ROOT / "n8n-workflows"
EVENT = "webhook--customer-changed-to-crm"
READ = "manual--read-order-open-ticket"
SECRET = "lsk_" + "4f" * 20
RUN = "$('Run').first().json"
Json = dict[str, Any]


def template(name: str) -> Json:
    return json.loads((TEMPLATES / f"{name}.json").read_bytes())


def node(workflow: Json, name: str) -> Json:
    one: Json = next(one for one in workflow["nodes"] if one["name"] == name)
    return one


def set_key(value: str) -> Callable[[Json], None]:
    def change(workflow: Json) -> None:
        writing = next(one for one in workflow["nodes"] if one["parameters"].get("method") == "POST")
        rows = writing["parameters"]["headerParameters"]["parameters"]
        rows[0] = {"name": "Idempotency-Key", "value": value}

    return change


def drop_header(number: int) -> Callable[[Json], None]:
    def change(workflow: Json) -> None:
        writing = next(one for one in workflow["nodes"] if one["parameters"].get("method") == "POST")
        del writing["parameters"]["headerParameters"]["parameters"][number]

    return change


def write_headers_as_json(workflow: Json) -> None:
    parameters = node(workflow, "Open ticket")["parameters"]
    parameters |= {"specifyHeaders": "json", "jsonHeaders": '{"Idempotency-Key": "one", "X-Correlation-ID": "run"}'}


def share_key(workflow: Json) -> None:
    second = deepcopy(node(workflow, "Open ticket")) | {"id": "second", "name": "Open another"}
    second["parameters"]["jsonBody"] = "={{ JSON.stringify($json) }}"
    workflow["nodes"].append(second)
    workflow["connections"]["Open another"] = workflow["connections"]["Open ticket"]


def ignore_202(workflow: Json) -> None:
    workflow["connections"]["Upsert customer"]["main"][0] = [{"node": "Saved", "type": "main", "index": 0}]


def cut_error_branch(workflow: Json) -> None:
    workflow["connections"]["Upsert customer"]["main"][1] = []


def swallow_errors(workflow: Json) -> None:
    node(workflow, "Find order")["onError"] = "continueRegularOutput"
    workflow["connections"]["Find order"]["main"] = [[{"node": "Opened", "type": "main", "index": 0}]]


def create_when_unread(workflow: Json) -> None:
    node(workflow, "Find order")["parameters"]["url"] = f"={{{{ {RUN}.base_url }}}}/v1/tickets/lookup"
    workflow["connections"]["Find order"]["main"][1] = [{"node": "Open ticket", "type": "main", "index": 0}]


def write_secret(workflow: Json) -> None:
    node(workflow, "Run")["parameters"]["assignments"]["assignments"].append(
        {"id": "key", "name": "key", "type": "string", "value": SECRET}
    )


def write_credential(workflow: Json) -> None:
    node(workflow, "Find order")["parameters"]["headerParameters"]["parameters"].append(
        {"name": "Authorization", "value": "secret-of-mine"}
    )


def own(**parameters: Any) -> Callable[[Json], None]:
    """Read by the community node, and create behind its error output, with these parameters of the reading node."""

    def change(workflow: Json) -> None:
        common = {"type": "n8n-nodes-lockstitch.lockstitch", "typeVersion": 1, "onError": "continueErrorOutput"}
        error: list[list[Json]] = [[], [{"node": "In plain words", "type": "main", "index": 0}]]
        if "undecided" in parameters.get("options", {}):
            error[0].append({"node": "Opened", "type": "main", "index": 0})
        workflow["nodes"].append(common | {"id": "own", "name": "Own", "parameters": parameters})
        create = {"resource": "customer", "operation": "create"}
        workflow["nodes"].append(common | {"id": "own-create", "name": "Own create", "parameters": create})
        workflow["connections"] |= {"Own": {"main": error}, "Own create": {"main": error}}
        if parameters["operation"] == "lookup":
            error[1].append({"node": "Own create", "type": "main", "index": 0})

    return change


BROKEN: dict[str, tuple[str, Callable[[Json], None], str, str]] = {
    "no key": (EVENT, drop_header(0), "write-without-key", "Upsert customer"),
    "constant": (EVENT, set_key("customer-1"), "key-constant", "Upsert customer"),
    "as JSON": (READ, write_headers_as_json, "key-constant", "Open ticket"),
    "new each try": (
        READ,
        set_key("={{ $workflow.id }}-{{ $now.toMillis() }}-zendesk"),
        "key-changes-each-try",
        "Open ticket",
    ),
    "as it was": (EVENT, set_key(f"={{{{ {RUN}.event_id }}}}-crm"), "key-without-target", "Upsert customer"),
    "no workflow": (
        EVENT,
        set_key(f"={{{{ {RUN}.event_id }}}}-{{{{ {RUN}.crm }}}}"),
        "key-without-workflow",
        "Upsert customer",
    ),
    "no target": (
        EVENT,
        set_key(f"={{{{ $workflow.id }}}}-{{{{ {RUN}.event_id }}}}"),
        "key-without-target",
        "Upsert customer",
    ),
    "another target": (
        READ,
        set_key("={{ $workflow.id }}-{{ $json.id }}-freshdesk"),
        "key-without-target",
        "Open ticket",
    ),
    "shared": (READ, share_key, "key-shared", "Open another"),
    "202": (EVENT, ignore_202, "no-202-branch", "Upsert customer"),
    "no error branch": (EVENT, cut_error_branch, "no-error-branch", "Upsert customer"),
    "swallowed": (READ, swallow_errors, "no-error-branch", "Find order"),
    "503": (READ, create_when_unread, "unavailable-as-absent", "Find order"),
    "secret": (EVENT, write_secret, "secret-in-file", "Run"),
    "credential": (READ, write_credential, "secret-in-file", "Find order"),
    "own key": (
        READ,
        own(resource="customer", operation="upsert", options={"businessKey": "one"}),
        "key-constant",
        "Own",
    ),
    "own 202": (
        READ,
        own(resource="customer", operation="update", options={"undecided": "return"}),
        "no-202-branch",
        "Own",
    ),
    "own 503": (READ, own(resource="customer", operation="lookup"), "unavailable-as-absent", "Own"),
    "correlation": (EVENT, drop_header(1), "no-correlation-id", "Upsert customer"),
}


def right(workflow: Json) -> None:
    """A business key that names its workflow and its target, the branches of an error workflow, and a vendor's API."""
    set_key("={{ $workflow.id }}-{{ $json.id }}-zendesk")(workflow)
    writing = node(workflow, "Open ticket")
    writing["onError"], workflow["settings"]["errorWorkflow"] = "stopWorkflow", "another"
    foreign = deepcopy(writing) | {"id": "foreign", "name": "Charge"}
    foreign["parameters"] = {"method": "POST", "url": "https://api.stripe.com/v1/customers"}
    foreign["credentials"] = {}
    own(resource="ticket", operation="create", options={"businessKey": "={{ $json.event }}"})(workflow)
    workflow["nodes"] += [foreign, deepcopy(writing) | {"id": "off", "name": "Off", "disabled": True}]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Json]]:
    folder = tmp_path_factory.mktemp("workflows")
    for name, (origin, change, _, _) in (BROKEN | {"right": (READ, right, "", "")}).items():
        workflow = template(origin)
        change(workflow)
        (folder / f"{name}.json").write_text(json.dumps(workflow))
    done = exits(lockstitch("workflow", "check", str(folder), "--json"), 1)
    assert SECRET not in done.stdout
    findings: list[Json] = json.loads(done.stdout)["findings"]
    return {name: [one for one in findings if Path(one["file"]).stem == name] for name in (*BROKEN, "right")}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found_in_its_node(checked: dict[str, list[Json]], name: str) -> None:
    origin, change, rule, node_name = BROKEN[name]
    (finding,) = (one for one in checked[name] if (one["rule"], one["node"]) == (rule, node_name))

    workflow: Any = template(origin)
    change(workflow)
    for part in finding["pointer"].strip("/").split("/"):
        workflow = workflow[int(part)] if isinstance(workflow, list) else workflow[part]
    assert workflow
    assert finding["why"]
    assert finding["next_step"]
    allowed = {rule, "key-without-workflow"} if name in ("as it was", "another target") else {rule}
    assert {one["rule"] for one in checked[name]} <= allowed


def test_what_keeps_the_rules_has_no_finding(checked: dict[str, list[Json]]) -> None:
    assert checked["right"] == []


def test_the_shipped_templates_have_no_finding() -> None:
    done = lockstitch("workflow", "check", str(TEMPLATES))

    assert (done.returncode, done.stderr) == (0, "")
    assert "0 findings" in done.stdout
    assert not done.stdout.startswith("0 calls")


def test_what_is_no_workflow_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text('{"name": "no nodes"}')

    done = exits(lockstitch("workflow", "check", str(tmp_path / "list.json")), 2)
    assert "not an n8n workflow" in done.stderr


def rename(workflow: Json, old: str, new: str) -> Json:
    renamed: Json = json.loads(json.dumps(workflow).replace(f"$('{old}')", f"$('{new}')"))
    node(renamed, old)["name"] = new
    renamed["connections"][new] = renamed["connections"].pop(old)
    for outputs in renamed["connections"].values():
        for link in (link for output in outputs["main"] for link in output):
            link["node"] = new if link["node"] == old else link["node"]
    return renamed


def test_only_changes_of_meaning_are_shown(tmp_path: Path) -> None:
    old = template(EVENT)
    new = rename(old, "Run", "Settings")
    for number, one in enumerate(new["nodes"]):
        one["position"] = [number, number]
    for row in node(new, "Settings")["parameters"]["assignments"]["assignments"]:
        row["id"] += "-made-anew"
    new |= {"versionId": "2", "pinData": {"Run": []}, "updatedAt": "2026-01-01T00:00:00Z", "meta": {"instanceId": "x"}}
    (tmp_path / "old.json").write_text(json.dumps([old]))
    (tmp_path / "new.json").write_text(json.dumps(new))
    files = (str(tmp_path / "old.json"), str(tmp_path / "new.json"))

    done = exits(lockstitch("workflow", "diff", *files, "--json"), 1)
    assert json.loads(done.stdout)["changes"] == [
        {"kind": "renamed", "what": "node", "name": "Settings", "old": "Run", "new": "Settings"}
    ]
    assert lockstitch("workflow", "diff", files[0], files[0]).returncode == 0


def test_a_change_names_the_node_and_the_place(tmp_path: Path) -> None:
    old, new = template(EVENT), template(EVENT)
    set_key("other")(new)
    new["nodes"] = [one for one in new["nodes"] if one["name"] != "Deliver again"]
    new["connections"]["In plain words"]["main"] = [[]]
    node(new, "Upsert customer")["maxTries"] = 2
    (tmp_path / "old.json").write_text(json.dumps(old))
    (tmp_path / "new.json").write_text(json.dumps(new))

    done = exits(lockstitch("workflow", "diff", str(tmp_path / "old.json"), str(tmp_path / "new.json"), columns=200), 1)
    for line in (
        "- node Deliver again",
        "~ node Upsert customer /parameters/headerParameters/parameters/Idempotency-Key/value",
        "+ other",
        "+ node Upsert customer /maxTries",
        "- connection In plain words [main 0] -> Deliver again",
    ):
        assert line in done.stdout
