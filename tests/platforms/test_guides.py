"""The guides for Zapier and Make, followed to the letter against `lockstitch dev`.

Their commands, settings and code are read from the pages, and each call is made as the platform's documentation says.

They need what `tests/platforms/run` installs; without that the tests are skipped.
"""

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dev.test_dev import Dev
from tests.open_folder import open_folder
from tests.platforms.guides import DOCS, EXAMPLE_API, Step, fences, make_blueprint, steps
from tests.platforms.make_scenario import MakeError, Scenario
from tests.ports import free_port

INSTALLED = Path(os.environ.get("LOCKSTITCH_PLATFORMS", "/nonexistent"))
BLUEPRINT = "make/new-customer-to-zendesk.blueprint.json"
PATIENCE = 60.0
ROUTE = re.compile(r"\{\{(\d+)\. ([^}]+)\}\}")

pytestmark = pytest.mark.skipif(not INSTALLED.is_dir(), reason="run tests/platforms/run")


class Platform:
    """A platform beside a running Lockstitch: its hook, and what a person types in."""

    def __init__(self, facts: dict[str, Any], port: int) -> None:
        self.api: str = facts["api"]
        self.owner: str = facts["key"]
        self.key = ""
        self.data = Path(facts["config"]).parent
        self.emulators: str = facts["emulators"]
        self.hooks = f"http://127.0.0.1:{port}/hooks"
        self.deliveries: defaultdict[str, queue.Queue[tuple[dict[str, str], str]]] = defaultdict(queue.Queue)
        self._ops = {"Authorization": f"Bearer {facts['ops_key']}"}

    def typed(self, text: str, secret: str = "") -> str:
        """A text of a guide with the values that a person puts in."""
        own = text.replace(EXAMPLE_API, self.api).replace("YOUR_KEY", self.key)
        return own.replace("SECRET FOR MAKE", secret)

    def use_key(self, page: str) -> None:
        """Use a key that has the scopes of a guide, and no others."""
        (command,) = fences(page, "bash")
        printed = subprocess.run(
            [sys.executable, "-m", "app.cli", *command.split()[1:]],
            env={**os.environ, "LOCKSTITCH_DATA_DIR": str(self.data)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        (self.key,) = re.findall(r"lsk_\S+", printed.stdout)

    def subscribe(self, page: str) -> str:
        """Run the command of a guide. Return the secret that it prints."""
        (command,) = fences(page, "sh")
        own = re.sub(r"^HOOK=.*$", f"HOOK={self.hooks}/{page}", self.typed(command), flags=re.MULTILINE)
        printed = subprocess.run(["bash", "-euc", own], capture_output=True, text=True, timeout=PATIENCE, check=True)
        return printed.stdout.strip().partition(": ")[2]

    def create(self, name: str) -> dict[str, Any]:
        """Create a customer, as somebody else does; the record."""
        body = {"first_name": name, "last_name": "Guide", "emails": [{"address": f"{name}@example.com".lower()}]}
        headers = {"Authorization": f"Bearer {self.owner}", "Idempotency-Key": f"guide-{name}"}
        answer = httpx.post(f"{self.api}/v1/customers?connection=hubspot", json=body, headers=headers, timeout=PATIENCE)
        return answer.raise_for_status().json()

    def delivery_of(self, record: dict[str, Any], page: str) -> tuple[dict[str, str], str]:
        """The delivery about a record to the hook of a guide."""
        while True:
            headers, body = self.deliveries[f"/hooks/{page}"].get(timeout=PATIENCE)
            if json.loads(body)["data"]["id"] == record["id"]:
                return headers, body

    def users(self, name: str) -> int:
        """How many users of this name the Zendesk emulator has."""
        query = {"vendor": "zendesk", "object": "users"}
        records = httpx.get(f"{self.emulators}/_emulator/records", params=query).json()["records"]
        return sum(one["name"] == f"{name} Guide" for one in records)

    def notes(self, run: str) -> list[str]:
        """The notes on a run."""
        report = httpx.get(f"{self.api}/ops/runs/{run}", headers=self._ops).raise_for_status().json()
        return [one["facts"]["text"] for one in report["data"] if one["kind"] == "note"]

    def throttle(self, seconds: int) -> None:
        """The next write at Zendesk is throttled for so long."""
        fault = {"kind": "status", "status": 429, "retry_after": seconds}
        body = {"vendor": "zendesk", "fault": fault, "match": {"method": "POST"}, "times": 1}
        httpx.post(f"{self.emulators}/_emulator/faults", json=body).raise_for_status()

    def wait_for(self, operation: str) -> None:
        """Wait until an operation has ended, as a sleeping scenario does."""
        headers = {"Authorization": f"Bearer {self.key}"}
        ended = threading.Event()
        for _ in range(int(PATIENCE * 4)):
            state = httpx.get(f"{self.api}/v1/operations/{operation}", headers=headers).json()["state"]
            if state not in ("queued", "executing"):
                return
            ended.wait(0.25)
        raise AssertionError(f"{operation} has not ended")


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    folder, port = open_folder("lockstitch-guides-"), free_port()
    dev = Dev(folder)
    try:
        platform = Platform(dev.start(LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{port}"), port)

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                platform.deliveries[self.path].put((dict(self.headers.items()), body.decode()))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"Accepted")

            def log_message(self, *arguments: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Hook)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield platform
        server.shutdown()
        server.server_close()
    finally:
        dev.close()
        shutil.rmtree(folder)


def test_the_blueprint_is_the_scenario_of_the_guide() -> None:
    assert json.loads((DOCS / BLUEPRINT).read_bytes()) == make_blueprint("make.md", "New customer to Zendesk")


def test_the_blueprint_has_the_published_form() -> None:
    blueprint = json.loads((DOCS / BLUEPRINT).read_bytes())
    assert blueprint.keys() == {"name", "flow", "metadata"}
    earlier: set[int] = set()

    def check(flow: list[dict[str, Any]], before: set[int]) -> None:
        for module in flow:
            assert re.fullmatch(r"[a-z-]+:[A-Za-z0-9]+", module["module"])
            assert isinstance(module["version"], int)
            assert module["metadata"]["designer"].keys() == {"x", "y"}
            assert module["id"] not in earlier
            own = json.dumps([module.get("filter"), module["mapper"]])
            mentioned = {int(number) for number in re.findall(r"(?:\{\{|[(;] ?)(\d+)\.", own)}
            assert mentioned <= before
            earlier.add(module["id"])
            before = before | {module["id"]}
            check(module.get("onerror", []), before)
            for route in module.get("routes", ()):
                check(route["flow"], before)

    check(blueprint["flow"], set())
    assert "lsk_" not in json.dumps(blueprint)


def test_make(platform: Platform) -> None:
    platform.use_key("make.md")
    secret = platform.subscribe("make.md")
    text = platform.typed((DOCS / BLUEPRINT).read_text("utf-8"), secret)

    def scenario() -> Scenario:
        started = Scenario(json.loads(text), lambda _: platform.wait_for(started.outputs[5]["data"]["id"]))
        return started

    delivery = platform.delivery_of(platform.create("Mara"), "make.md")
    first, again = scenario(), scenario()
    first.run(*delivery)
    again.run(*delivery)
    assert first.outputs[5] == again.outputs[5]
    assert first.outputs[5]["statusCode"] in (200, 201)
    assert platform.users("Mara") == 1
    run = f"make-{json.loads(delivery[1])['id']}"
    assert platform.notes(run) == ["Make has copied the customer."] * 2

    forged = scenario()
    forged.run(delivery[0], delivery[1].replace("Mara", "Eve"))
    assert forged.outputs.keys() == {1, 2, 3}

    unknown = scenario()
    unknown.outputs[2], unknown.outputs[4] = {"event_id": "evt_x"}, {"data": {"id": "cus_unknown"}}
    with pytest.raises(MakeError) as refused:
        unknown.run_from(5)
    assert refused.value.data["code"] == "not-found"
    assert refused.value.data["next_step"]


def test_make_waits_for_what_is_not_decided(platform: Platform) -> None:
    secret = platform.subscribe("make.md") or _rotated(platform)  # shown once: `test_make` has seen it
    text = platform.typed((DOCS / BLUEPRINT).read_text("utf-8"), secret)
    delivery = platform.delivery_of(platform.create("Milan"), "make.md")
    started = Scenario(json.loads(text), lambda _: platform.wait_for(started.outputs[5]["data"]["id"]))
    platform.throttle(34)
    started.run(*delivery)
    assert started.outputs[5]["statusCode"] == 202
    assert started.outputs[9]["data"]["state"] == "succeeded"
    assert 10 not in started.outputs
    assert platform.users("Milan") == 1


def _rotated(platform: Platform) -> str:
    """The key of a new secret, made as the guide says for one that is lost."""
    headers = {"Authorization": f"Bearer {platform.key}"}
    body = {"target_url": f"{platform.hooks}/make.md", "events": ["customer.created"]}
    number = httpx.post(f"{platform.api}/v1/subscriptions", json=body, headers=headers).json()["id"]
    rotated = httpx.post(f"{platform.api}/v1/subscriptions/{number}/rotate-secret", headers=headers)
    command = 'echo "${0#whsec_}" | base64 -d'
    secret = rotated.raise_for_status().json()["secret"]
    return subprocess.run(["bash", "-c", command, secret], capture_output=True, text=True, check=True).stdout


def test_zapier(platform: Platform) -> None:
    platform.use_key("zapier.md")
    secret = platform.subscribe("zapier.md")
    guide = steps("zapier.md")
    headers, body = platform.delivery_of(platform.create("Zora"), "zapier.md")
    caught = {"Raw Body": body} | {f"Headers Http {name.replace('-', ' ').title()}": headers[name] for name in headers}
    outputs: dict[int, Any] = {1: caught}

    def mapped(text: str) -> str:
        return ROUTE.sub(lambda token: str(outputs[int(token[1])][token[2]]), platform.typed(text))

    def request(step: Step) -> httpx.Response:
        sent = {name: mapped(value) for name, value in step.group("Header").items()}
        method, url, data = step.settings["Method"], mapped(step.settings["URL"]), step.settings.get("Data")
        return httpx.request(method, url, content=data, headers=sent, timeout=PATIENCE)

    given_in = {name: mapped(value) for name, value in guide[2].group("Input").items()}
    outputs[2] = run_code(given_in | {"secret": secret})
    for _ in range(2):
        answer = request(guide[3])
        assert answer.status_code in (200, 201), answer.text
        outputs[3] = answer.json()
        assert "state" not in outputs[3]
    assert answer.headers["idempotent-replayed"] == "true"
    assert platform.users("Zora") == 1

    outputs[3] = {"id": outputs[3]["meta"]["operation_id"]}
    operation = request(guide[4])
    assert operation.json()["state"] == "succeeded"

    outputs[2] = outputs[2] | {"record_id": "cus_unknown", "event_id": "evt_x"}
    refused = request(guide[3])
    assert (refused.status_code, refused.headers["content-type"]) == (404, "application/json")
    with pytest.raises(subprocess.CalledProcessError):
        run_code(given_in | {"secret": secret, "raw": body.replace("Zora", "Eve")})


def run_code(input_data: dict[str, str]) -> Any:
    """What the Code step of the guide puts out for this input data."""
    (code,) = fences("zapier.md", "js")
    program = f"const inputData = {json.dumps(input_data)}; let output;\n{code}\nconsole.log(JSON.stringify(output));"
    node = str(INSTALLED / "node/bin/node")
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return json.loads(done.stdout)
