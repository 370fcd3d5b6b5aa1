"""`lockstitch workflow`: lint n8n workflows that call Lockstitch, and compare two versions by meaning."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from cyclopts import App, Parameter
from msgspec import Struct

from app.api import handlers
from app.cli.exits import FAILURE, usage
from app.cli.printing import Json, say, write_json
from app.cli.workflow.calls import OWN_NODES, calls_of
from app.cli.workflow.difference import WorkflowChange, changes_between
from app.cli.workflow.document import Workflow, read_workflows
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
Level = Literal["error", "warning"]


class WorkflowFinding(Struct, frozen=True, kw_only=True):
    """A broken rule: in which node, and where in the file. It never holds a secret."""

    rule: str
    level: Level
    file: str
    workflow: str
    node: str
    pointer: str
    why: str
    next_step: str


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


_TARGET_KEY: Final = "{{ $workflow.id }}-{{ $json.id }}-{{ the connection }}"
RULES: Final[dict[str, tuple[Level, str, str]]] = {
    "write-without-key": (
        "error",
        "This write has no Idempotency-Key. Lockstitch refuses it.",
        "Add the header Idempotency-Key: {{ $workflow.id }}-{{ $execution.id }}-{{ $runIndex }}-{{ $itemIndex }}.",
    ),
    "key-constant": (
        "error",
        "The key is the same for every item and execution. Only the first write has an effect.",
        f"Put into the key what the write is about, for example {_TARGET_KEY}.",
    ),
    "key-changes-each-try": (
        "error",
        "The key is new on each try. A repetition writes a second time.",
        "Make the changing part once, in the first node of the workflow, and refer to it.",
    ),
    "key-without-workflow": (
        "error",
        "The key does not name its workflow. A copy of the workflow uses the same keys for other writes.",
        "Begin the key with {{ $workflow.id }}.",
    ),
    "key-without-target": (
        "error",
        "The key does not name its target. With another connection, each write is refused as idempotency-key-reused.",
        f"Put the connection into the key, by the same expression: {_TARGET_KEY}.",
    ),
    "key-shared": (
        "error",
        "Another node uses this key for another write. The second of them is refused as idempotency-key-reused.",
        "End each of the keys with a word of its own.",
    ),
    "no-202-branch": (
        "error",
        "Nothing behind this node looks for 202: Lockstitch still executes the write, and the body is an operation.",
        "Return the full response, and add an If node on {{ $json.statusCode }} = 202. Then wait for the operation.",
    ),
    "no-error-branch": (
        "error",
        "A failure of this call ends where no one looks.",
        "Set On Error to Continue (using error output) and connect that output, or name an error workflow.",
    ),
    "unavailable-as-absent": (
        "error",
        "A record is created after any failure of this read. But 503 does not mean that there is no record.",
        "Create only if {{ $json.details.body.status }} is 404, or write with upsert_on and without a read.",
    ),
    "secret-in-file": (
        "error",
        "The file holds a secret. Everyone who can read the file has it.",
        "Move it to a credential of n8n, and replace it where it was issued.",
    ),
    "no-correlation-id": (
        "warning",
        "The call has no X-Correlation-ID. You cannot find it together with the other calls of the run.",
        "Make one id in the first node, and send it as X-Correlation-ID in every call.",
    ),
}
"""Level, why and next step of each rule."""
