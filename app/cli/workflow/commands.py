"""`lockstitch workflow`: lint n8n workflows that call Lockstitch, and compare two versions by meaning."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from cyclopts import App, Parameter

from app.api import handlers
from app.cli.exits import FAILURE, usage
from app.cli.printing import Json, say, write_json
from app.cli.workflow.calls import OWN_NODES, calls_of
from app.cli.workflow.difference import WorkflowChange, changes_between
from app.cli.workflow.document import Workflow, read_workflows
from app.cli.workflow.findings import RULES, WorkflowFinding
from app.cli.workflow.rules import Breach, breaches_of
from app.http.operation import declaration_of
from app.http.plurals import counted

workflow = App(name="workflow")

Place = Annotated[Path, Parameter(name="FILE", help="The JSON of a workflow, as n8n exports it, or a folder of them.")]
Version = Annotated[Path, Parameter(help="The JSON of a workflow, as n8n exports it.")]
LONGEST_VALUE: Final = 300
STYLES: Final = {
    "added": ("+", "32"),
    "removed": ("-", "31"),
    "changed": ("~", "33"),
    "renamed": ("~", "33"),
}
"""The sign of each kind of change, and its colour as an ANSI code."""


@workflow.command
def check(*files: Place, json: Json = False) -> None:
    """Find what makes a workflow lose or repeat writes. Exits with 1 if there is an error."""
    operations = [declaration_of(handler) for handler in handlers()]
    host = urlsplit(os.environ.get("LOCKSTITCH_PUBLIC_URL", "")).hostname
    findings: list[WorkflowFinding] = []
    calls = 0
    for file in _files(files):
        for one in read_workflows(file):
            made = list(calls_of(one, operations, host))
            calls += len(made) + sum(node.type in OWN_NODES for node in one.nodes)
            findings += _findings(one, str(file), breaches_of(one, made))
    if json:
        write_json({"calls": calls, "findings": findings})
    else:
        _print(findings, calls)
    if any(one.level == "error" for one in findings):
        sys.exit(FAILURE)


@workflow.command
def diff(old: Version, new: Version, /, *, json: Json = False) -> None:
    """Show what differs in meaning between two versions of a workflow. Exits with 1 if anything does."""
    changes = list(changes_between(_one(old), _one(new)))
    if json:
        write_json({"same": not changes, "changes": changes})
    else:
        for change in changes:
            _print_change(change)
        if not changes:
            say("The versions do the same.")
    if changes:
        sys.exit(FAILURE)


def _files(places: tuple[Path, ...]) -> list[Path]:
    if not places:
        usage("Name a file or a folder: lockstitch workflow check FILE…")
    return [file for place in places for file in (sorted(place.glob("**/*.json")) if place.is_dir() else [place])]


def _one(file: Path) -> Workflow:
    workflows = read_workflows(file)
    if len(workflows) != 1:
        usage(f"{file} holds {len(workflows)} workflows. Export one by one: n8n export:workflow --all --separate.")
    return workflows[0]


def _findings(one: Workflow, file: str, breaches: Iterator[Breach]) -> Iterator[WorkflowFinding]:
    for rule, node, pointer in breaches:
        level, why, next_step = RULES[rule]
        yield WorkflowFinding(
            rule=rule,
            level=level,
            why=why,
            next_step=next_step,
            file=file,
            workflow=one.name,
            node=node.name,
            pointer=f"{one.root}{pointer}",
        )


def _print(findings: list[WorkflowFinding], calls: int) -> None:
    for one in findings:
        style = "31" if one.level == "error" else "33"
        say(f"{one.level:<8} {one.file} {one.node!r} {one.rule}: {one.why}", style=style)
        say(f"         at {one.pointer}", f"         -> {one.next_step}")
    say(f"{counted(calls, 'call')} of Lockstitch, {counted(len(findings), 'finding')}.")


def _print_change(change: WorkflowChange) -> None:
    sign, style = STYLES[change.kind]
    say(" ".join(filter(None, (sign, change.what, change.name, change.path))), style=style)
    for mark, value in (("-", change.old), ("+", change.new)):
        if value is not None:
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            say(*(f"    {mark} {row}" for row in text[:LONGEST_VALUE].splitlines()))
