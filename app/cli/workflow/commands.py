"""`lockstitch workflow`: lint n8n workflows that call Lockstitch, and compare two versions by meaning."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from app.api import handlers
from app.cli.exits import FAILURE, usage
from app.cli.printing import Json, write_json
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
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "changed": ("~", "yellow"),
    "renamed": ("~", "yellow"),
}


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
        console = Console(soft_wrap=True, highlight=False)
        for change in changes:
            console.print(_line(change))
        if not changes:
            console.print("The versions do the same.")
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
    console = Console(soft_wrap=True, highlight=False)
    for one in findings:
        style = "red" if one.level == "error" else "yellow"
        console.print(Text(f"{one.level:<8} {one.file} {one.node!r} {one.rule}: {one.why}", style=style))
        console.print(Text(f"         at {one.pointer}"))
        console.print(Text(f"         -> {one.next_step}"))
    console.print(f"{counted(calls, 'call')} of Lockstitch, {counted(len(findings), 'finding')}.")


def _line(change: WorkflowChange) -> Text:
    sign, style = STYLES[change.kind]
    text = Text(f"{sign} {change.what} {change.name}", style=style)
    if change.path is not None:
        text.append(f" {change.path}")
    for mark, value in (("-", change.old), ("+", change.new)):
        if value is not None:
            shown_value = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            text.append(
                "".join(f"\n    {mark} {row}" for row in shown_value[:LONGEST_VALUE].splitlines()), style="default"
            )
    return text
