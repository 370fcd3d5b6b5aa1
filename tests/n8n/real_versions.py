"""The commands of docs/workflows.md in a real n8n: keep a workflow's versions in git, compare them, put one back.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from n8n_cli import FreshN8n, Workflow
from real_calls import fresh_n8n
from real_events import TEMPLATES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text("utf-8").partition("## Version control")[2]
KEEP, COMPARE, PUT_BACK = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
NAME = "schedule--reconciliation-report"


@pytest.fixture
def n8n() -> Iterator[FreshN8n]:
    with fresh_n8n() as n8n:
        yield n8n


class Repository:
    """A git repository in which a builder runs commands."""

    def __init__(self, folder: Path, n8n: FreshN8n, workflow: Workflow) -> None:
        programs = folder / "bin"
        programs.mkdir()
        command = " ".join(shlex.quote(str(part)) for part in n8n.command())
        (programs / "n8n").write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (programs / "n8n").chmod(0o755)
        path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), n8n.environment["PATH"]))
        who = {
            f"GIT_{role}_{part}": "builder@example.com"
            for role in ("AUTHOR", "COMMITTER")
            for part in ("NAME", "EMAIL")
        }
        self._environment = n8n.environment | who | {"PATH": path, "ID": workflow["id"]}
        self._folder = folder
        self.run("git init -q")

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-ec", commands],
            env=self._environment, cwd=self._folder, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip


def test_an_older_version_is_put_back(n8n: FreshN8n, tmp_path: Path) -> None:
    workflow: Workflow = json.loads((TEMPLATES / f"{NAME}.json").read_bytes())
    n8n.add_credential("lsk_not-used")
    n8n.add_workflow(workflow)
    repository = Repository(tmp_path, n8n, workflow)

    stored = repository.run(KEEP)
    assert (stored.returncode, "0 findings" in stored.stdout) == (0, True), stored.stdout + stored.stderr

    (run,) = (node for node in workflow["nodes"] if node["name"] == "Run")
    run["parameters"]["assignments"]["assignments"][-1]["value"] = "freshdesk"
    run["position"] = [0, 0]
    n8n.add_workflow(workflow)
    compared = repository.run(COMPARE)
    assert compared.returncode == 1
    assert [line.strip() for line in compared.stdout.splitlines()][-3:] == [
        "~ node Run /parameters/assignments/assignments/desk/value", "- zendesk", "+ freshdesk",
    ]  # fmt: skip

    put_back = repository.run(PUT_BACK)
    assert put_back.returncode == 0, put_back.stdout + put_back.stderr
    compared = repository.run(COMPARE)
    changes = [line for line in compared.stdout.splitlines() if line.startswith(("+", "-", "~"))]
    assert changes == ["~ workflow Lockstitch: reconciliation report /active"]
