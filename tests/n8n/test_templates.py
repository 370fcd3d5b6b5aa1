"""What holds for every n8n template, read from its file: it imports cleanly, calls as agreed, hides nothing."""

import json
import re

import pytest

from tests.n8n_files import (
    FOLDER,
    LOCKSTITCH,
    TEMPLATES,
    Template,
    assigned,
    headers_of,
    is_scheduled,
    is_started_by_an_event,
    links_of,
    nodes_before,
    nodes_of,
    trigger_of,
    writes_of,
)

# By name: an id is another database's. It has to be null, not absent: without the member, n8n takes any credential.
CREDENTIALS = {
    "httpRequest": [
        {"httpHeaderAuth": {"id": None, "name": "Lockstitch API key"}},
        {"httpHeaderAuth": {"id": None, "name": "Lockstitch operator key"}},
    ],
    "crypto": [{"crypto": {"id": None, "name": "Lockstitch webhook secret"}}],
}

RUN_ID = "={{ $workflow.id }}-{{ $execution.id }}-{{ $now.toMillis() }}"
CORRELATION_ID = "={{ $('Run').first().json.run_id }}"
IDEMPOTENCY_KEY = re.compile(
    re.escape("={{ $('Run').first().json.run_id }}-{{ $runIndex }}-{{ $itemIndex }}") + r"-[a-z]+"
)
# A workflow that an event starts goes on with the event's run, and writes once an event, however often it is delivered.
EVENT_RUN_ID = "={{ $json.headers['x-correlation-id'] }}"
# Such a key names the workflow and the target: a copy of the workflow with another target has keys of its own.
WORKFLOW = "={{ $workflow.id }}-"
EVENT_KEY = re.compile(re.escape(WORKFLOW + "{{ $('Run').first().json.event_id }}-{{ $('Run').first().json.crm }}"))
# One that reads the same again and again writes each event, and each list of findings, once, too.
READ_AGAIN_KEY = re.compile(
    re.escape(WORKFLOW + "{{ $json.id }}-{{ $('Run').first().json.target }}")
    + "|"
    + re.escape(
        WORKFLOW + "{{ JSON.stringify($json.data.map(({ last_found_at, ...finding }) => finding))"
        ".hash('sha256') }}-{{ $('Run').first().json.desk }}"
    )
)
# A delivery has 15 s in all, so a workflow that an event starts waits less. A callback comes in any case, and n8n
# refuses it for an execution that has ended, so a workflow with one does not wait.
WAITS, WAITS_IN_A_DELIVERY, IS_CALLED_BACK = "respond-async, wait=30", "respond-async, wait=10", "respond-async"
SECRET = re.compile(r"lsk_|whsec_|Bearer [A-Za-z0-9]|eyJ[A-Za-z0-9]|gh[pousr]_|pat-[a-z]")
ID_LENGTH = 21  # a fixed one, so that importing again replaces the workflow instead of adding a copy


@pytest.fixture(params=TEMPLATES, ids=lambda path: path.stem)
def template(request: pytest.FixtureRequest) -> Template:
    return json.loads(request.param.read_bytes())


@pytest.fixture(params=[path for path in TEMPLATES if "In plain words" in path.read_text()], ids=lambda path: path.stem)
def explained(request: pytest.FixtureRequest) -> Template:
    """A template of plain HTTP nodes whose results a Code node puts into words."""
    return json.loads(request.param.read_bytes())


def test_the_promised_templates_are_there() -> None:
    assert {path.name for path in TEMPLATES} >= {
        "manual--async-order-wait.json",
        "schedule--dead-letter-alarm.json",
        "schedule--nightly-sync.json",
        "schedule--reconciliation-report.json",
        "webhook--customer-changed-to-crm.json",
        "manual--upsert-customer.json",
        "manual--read-order-open-ticket.json",
    }


def test_every_template_has_an_id_and_a_name_of_its_own() -> None:
    loaded = [json.loads(path.read_bytes()) for path in TEMPLATES]

    assert len({one["id"] for one in loaded}) == len({one["name"] for one in loaded}) == len(TEMPLATES)


def test_it_is_a_workflow_that_n8n_imports_switched_off(template: Template) -> None:
    assert re.fullmatch(rf"[A-Za-z0-9]{{1,{ID_LENGTH}}}", template["id"])
    assert template["name"]
    assert template["active"] is False
    assert template["pinData"] == {}
    assert template["settings"]["executionOrder"] == "v1"
    for node in template["nodes"]:
        assert {"id", "name", "type", "typeVersion", "position", "parameters"} <= node.keys()
    for key in ("id", "name"):
        values = [node[key] for node in template["nodes"]]
        assert len(values) == len(set(values)), f"two nodes share one {key}"


def test_every_node_of_a_template_is_reached(template: Template) -> None:
    links = links_of(template)
    trigger = trigger_of(template)
    notes = {node["name"] for node in nodes_of(template, "stickyNote")}
    names = {node["name"] for node in template["nodes"]}

    assert {source for source, _, _ in links} | {target for _, _, target in links} <= names
    assert {target for _, _, target in links} == names - notes - {trigger}


def test_a_node_named_in_an_expression_exists(template: Template) -> None:
    names = {node["name"] for node in template["nodes"]}
    spoken_of = set(re.findall(r"\$\('([^']+)'\)", json.dumps(template)))

    assert spoken_of <= names


def test_the_first_node_creates_run_id_and_base_url(explained: Template) -> None:
    trigger = trigger_of(explained)
    (run,) = (node for node in nodes_of(explained, "set") if node["name"] == "Run")

    assert [link for link in links_of(explained) if link[0] == trigger] == [(trigger, 0, "Run")]
    assert assigned(run)["run_id"] == (EVENT_RUN_ID if is_started_by_an_event(explained) else RUN_ID)
    assert assigned(run)["base_url"] == "http://127.0.0.1:8080"


def test_every_call_goes_to_the_base_url_with_the_headers_of_the_contract(explained: Template) -> None:
    calls = nodes_of(explained, "httpRequest")
    assert calls
    for call in calls:
        headers = headers_of(call)
        assert re.fullmatch(
            r"=\{\{ \$\('Run'\)\.first\(\)\.json\.base_url \}\}/(v1|ops)/([a-z-]+|/|\{\{ \$json\.data\.id \}\})+",
            call["parameters"]["url"],
        )
        assert call["parameters"]["genericAuthType"] == "httpHeaderAuth"
        assert headers["X-Correlation-ID"] == CORRELATION_ID
        if call["parameters"]["method"] == "GET":
            assert "Idempotency-Key" not in headers
        else:
            key = EVENT_KEY if is_started_by_an_event(explained) else IDEMPOTENCY_KEY
            assert (READ_AGAIN_KEY if is_scheduled(explained) else key).fullmatch(headers["Idempotency-Key"])


def test_no_set_or_code_node_stands_between_two_calls(template: Template) -> None:
    calls = {call["name"] for call in nodes_of(template, "httpRequest")}
    reshaping = {node["name"] for kind in ("set", "code") for node in nodes_of(template, kind)}

    for name in calls:
        between = {node for node in nodes_before(template, name) if nodes_before(template, node) & calls}
        assert not between & reshaping


def test_the_nightly_sync_keeps_no_checkpoint() -> None:
    template = json.loads((FOLDER / "schedule--nightly-sync.json").read_bytes())
    (read, write) = nodes_of(template, "httpRequest")

    assert (read["name"], write["name"]) == ("Changed customers", "Copy customer")
    assert write["parameters"]["url"].endswith("/v1/customers/{{ $json.data.id }}/copies")
    # An id that the target had first is read there, unless the query names the source.
    (source,) = write["parameters"]["queryParameters"]["parameters"]
    assert source == {"name": "connection", "value": "={{ $('Run').first().json.source }}"}
    (run,) = nodes_of(template, "set")
    assert assigned(run)["days"] == 7  # as long as Lockstitch remembers keys: an event is copied once
    assert "getWorkflowStaticData" not in json.dumps(template)


def test_a_write_prefers_202_to_waiting_longer(explained: Template) -> None:
    for call in writes_of(explained):
        headers = headers_of(call)
        waits = WAITS_IN_A_DELIVERY if is_started_by_an_event(explained) else WAITS
        assert headers["Prefer"] == (IS_CALLED_BACK if "Lockstitch-Callback" in headers else waits)


def test_an_undecided_write_has_a_branch_of_its_own(explained: Template) -> None:
    links = links_of(explained)
    for call in writes_of(explained):
        assert call["parameters"]["options"]["response"]["response"]["fullResponse"] is True
        (check,) = (target for source, output, target in links if (source, output) == (call["name"], 0))
        (node,) = (node for node in nodes_of(explained, "if") if node["name"] == check)
        (condition,) = node["parameters"]["conditions"]["conditions"]
        assert (condition["leftValue"], condition["rightValue"]) == ("={{ $json.statusCode }}", 202)
        decided, undecided = (
            {target for source, output, target in links if (source, output) == (check, n)} for n in (0, 1)
        )
        assert decided
        assert undecided
        assert not decided & undecided


def test_two_writing_nodes_of_one_template_never_share_a_key(template: Template) -> None:
    writes = [call for call in writes_of(template) if call["name"] != "Keep the claim"]  # by the key of Claim
    keys = [headers_of(call).get("Idempotency-Key") for call in writes]
    written = [key for key in keys if key is not None]

    assert len(written) == len(set(written))


def test_every_failed_call_reaches_the_explaining_node(explained: Template) -> None:
    links = links_of(explained)
    (teller,) = (node for node in nodes_of(explained, "code") if node["name"] == "In plain words")

    for call in nodes_of(explained, "httpRequest"):
        assert call["onError"] == "continueErrorOutput"
        assert not call.get("retryOnFail"), "Lockstitch retries by itself; n8n would send the good items again"
        assert (call["name"], 1, teller["name"]) in links
    for member in ("ok: false", "what_happened", "what_to_do", "where", "correlation_id"):
        assert member in teller["parameters"]["jsCode"]


def test_what_to_do_is_the_problems_own_next_step(template: Template) -> None:
    for node in nodes_of(template, "code"):
        code = node["parameters"]["jsCode"]
        assert "next_step ??" not in code
        assert ("problem.next_step" in code) is ("problem.detail" in code)


def test_templates_name_credentials_and_contain_no_secret(template: Template) -> None:
    for node in template["nodes"]:
        wanted = CREDENTIALS.get(node["type"].removeprefix("n8n-nodes-base."), [None])
        if node["type"].startswith(LOCKSTITCH):
            wanted = [{"lockstitchApi": {"id": None, "name": "Lockstitch account"}}]
        if node["name"] == "Post to chat":  # its address is the only secret
            wanted = [None]
        assert node.get("credentials") in wanted
    assert SECRET.search(json.dumps(template)) is None


def test_a_note_explains_the_set_up(template: Template) -> None:
    notes = "\n".join(note["parameters"]["content"] for note in nodes_of(template, "stickyNote"))

    with_node = any(node["type"].startswith(LOCKSTITCH) for node in template["nodes"])
    for word in ("make run", *(("Base URL",) if with_node else ("Authorization", "Bearer", "base_url"))):
        assert word in notes
    (steps,) = (note["parameters"]["content"] for note in nodes_of(template, "stickyNote") if note["name"] == "Set-up")
    for node in template["nodes"]:
        for credential in node.get("credentials", {}).values():
            (step,) = (line for line in steps.splitlines() if f"`{credential['name']}`" in line)
            assert f"*{node['name']}*" in step.partition("hoose it in")[2]


def test_publishing_is_the_last_step_of_the_set_up(template: Template) -> None:
    (note,) = (note["parameters"]["content"] for note in nodes_of(template, "stickyNote") if note["name"] == "Set-up")
    steps = re.findall(r"^\d+\. (.+)$", note, re.MULTILINE)

    is_published = trigger_of(template) not in {"Start"}
    assert [step.startswith("Publish.") for step in steps] == [False] * (len(steps) - 1) + [is_published]


def test_an_event_is_believed_only_with_its_signature_over_the_raw_body(explained: Template) -> None:
    for started in nodes_of(explained, "webhook"):
        assert started["parameters"]["options"]["rawBody"] is True
        (check,) = (node for node in nodes_of(explained, "if") if node["name"] == "Signed?")
        assert len(check["parameters"]["conditions"]["conditions"]) == 2  # the signature, and its age
        (refusal,) = (node for node in nodes_of(explained, "respondToWebhook") if node["name"] == "Refuse")
        assert ("Signed?", 1, "Refuse") in links_of(explained)
        assert refusal["parameters"]["options"]["responseCode"] == 401
