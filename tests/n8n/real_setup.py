"""The set-up of the webhook template in a real n8n, step by step in the order of its note *Set-up*.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from lockstitch_dev import Dev, free_port, running_dev
from n8n_cli import CREDENTIAL_NAME, CREDENTIAL_TYPE, SECRET_NAME, FreshN8n, N8nRefused, Workflow
from n8n_editor import Editor
from n8n_server import ServingN8n, serving
from real_events import CRM, TEMPLATES, contact, eventually

README = (TEMPLATES / "README.md").read_text(encoding="utf-8")
EARLY = "early@example.com"
STARTED = "LOCKSTITCH_EGRESS_ALLOW=127.0.0.1/32:5678 make run"


class Builder:
    """Somebody who has imported the template and follows its note."""

    def __init__(self, dev: Dev, n8n: ServingN8n, editor: Editor) -> None:
        self.dev, self.n8n, self.editor = dev, n8n, editor
        self.template: Workflow = json.loads((TEMPLATES / f"{CRM}.json").read_bytes())
        self.workflow = editor.import_file(self.template)
        self.subscription: dict[str, Any] = {}
        self._steps: dict[str, Callable[[str], None]] = {
            "make run": self._start,
            "*Header Auth*": self._add_api_key,
            "/v1/subscriptions": self._subscribe,
            "*Crypto*": self._add_secret,
            "`base_url`": self._set_base_url,
            "Publish": self._publish,
        }

    def follow_the_note(self) -> None:
        """Do what the numbered lines of the note say, in their order."""
        (note,) = (node for node in self.template["nodes"] if node["name"] == "Set-up")
        for line in re.findall(r"^\d+\. (.+)$", note["parameters"]["content"], re.MULTILINE):
            named = {word: line.index(word) for word in self._steps if word in line}
            assert named, f"no step is known for this line: {line}"
            self._steps[min(named, key=named.__getitem__)](line)

    def change(self, name: str, parameters: dict[str, Any]) -> None:
        """Change a node and save, without publishing."""
        workflow = self.editor.open(self.workflow)
        (node,) = (node for node in workflow["nodes"] if node["name"] == name)
        node["parameters"] |= parameters
        self.editor.save(workflow)

    def _start(self, line: str) -> None:
        assert STARTED in line  # as `running_dev` did, with this n8n's port

    def _add_api_key(self, line: str) -> None:
        data = {"name": "Authorization", "value": f"Bearer {self.dev.key}"}
        self._choose(line, CREDENTIAL_TYPE, self.editor.add_credential(CREDENTIAL_NAME, CREDENTIAL_TYPE, data))

    def _subscribe(self, line: str) -> None:
        """With the command of README."""
        del line
        (command,) = (
            block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "/v1/subscriptions" in block
        )
        command = command.replace("http://127.0.0.1:8080", self.dev.api).replace("http://127.0.0.1:5678", self.n8n.url)
        done = subprocess.run(
            ["bash", "-c", command], env={"KEY": self.dev.key}, capture_output=True, text=True, timeout=60, check=True
        )
        self.subscription = json.loads(done.stdout)
        # Somebody changes a customer in the meantime: n8n does not know the URL yet.
        self.dev.create("/v1/customers", {"emails": [{"address": EARLY}]}, connection="shopify")
        eventually(lambda: self.dev.operate(f"/v1/subscriptions/{self.subscription['id']}")["failing_since"])

    def _add_secret(self, line: str) -> None:
        (expression,) = re.findall(r"`(\{\{ .+? \}\})`", line)
        data = {"hmacSecret": f"={expression.replace('THE SECRET', self.subscription['secret'])}"}
        self._choose(line, "crypto", self.editor.add_credential(SECRET_NAME, "crypto", data))

    def _set_base_url(self, line: str) -> None:
        del line
        workflow = self.editor.open(self.workflow)
        (run,) = (node for node in workflow["nodes"] if node["name"] == "Run")
        assignments = run["parameters"]["assignments"]["assignments"]
        (base_url,) = (one for one in assignments if one["name"] == "base_url")
        base_url["value"] = self.dev.api
        self.editor.save(workflow)

    def _publish(self, line: str) -> None:
        del line
        self.editor.publish(self.workflow)

    def _choose(self, line: str, kind: str, credential: dict[str, str]) -> None:
        """Choose a credential in the node that the line names."""
        (name,) = re.findall(r"[Cc]hoose it in \*([^*]+)\*", line)
        workflow = self.editor.open(self.workflow)
        (node,) = (node for node in workflow["nodes"] if node["name"] == name)
        node["credentials"] = {kind: credential}
        self.editor.save(workflow)


@pytest.fixture(scope="module")
def builder() -> Iterator[Builder]:
    port = free_port()
    environment = {
        "LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{port}",
        "LOCKSTITCH_DELIVERY_LADDER": ",".join(["4"] * 30),  # the second step is minutes by default
    }
    with (
        running_dev(**environment) as dev,
        FreshN8n(Path(sys.argv[1]), free_port(), port) as cli,
        serving(cli, port) as n8n,
        Editor(n8n.url) as editor,
    ):
        yield Builder(dev, n8n, editor)


def test_n8n_refuses_to_publish_before_the_secret_is_there(builder: Builder) -> None:
    with pytest.raises(N8nRefused, match="Sign again"):
        builder.editor.publish(builder.workflow)


def test_the_note_followed_in_its_order_sets_the_template_up(builder: Builder) -> None:
    builder.follow_the_note()

    builder.dev.create("/v1/customers", {"emails": [{"address": "setup@example.com"}]}, connection="shopify")
    eventually(lambda: contact(builder.dev, "setup@example.com"))
    eventually(lambda: contact(builder.dev, EARLY))


def test_a_test_delivery_is_accepted_and_changes_nothing_in_the_crm(builder: Builder) -> None:
    before = builder.dev.records("hubspot", "contacts")

    tested = builder.dev.create(f"/v1/subscriptions/{builder.subscription['id']}/test", {})

    assert (tested["delivered"], tested["status"]) == (True, 200)
    assert builder.dev.records("hubspot", "contacts") == before


def test_a_change_counts_only_after_publishing_again(builder: Builder) -> None:
    def answer() -> int:
        return httpx.post(f"{builder.n8n.url}/webhook/lockstitch-customer-changed", json={}, timeout=60).status_code

    builder.change("Refuse", {"options": {"responseCode": 403}})
    assert answer() == 401

    builder.editor.publish(builder.workflow)
    eventually(lambda: answer() == 403)
