"""`lockstitch contract`: show the data contracts, and check whether a change breaks one."""

import os
import sys
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from app.cli.database import find_settings
from app.cli.exits import REFUSED, usage
from app.cli.printing import Json, write_json
from app.cli.tables import table
from app.ownership.contract import with_owners
from canonical.released import OBJECTS, Contract, Verdict, contract_of, judge, version_key, write_release
from mappings.registry import VENDORS, active

contract = App(name="contract")

Name = Annotated[str | None, Parameter(name="OBJECT", help="customer, order or ticket. Omit it for all.")]
WHOLE = Parameter(help="Print JSON, with the whole contract.")
LONGEST_SENTENCE: Final = 100


@contract.command
def show(object_name: Name = None, /, *, json: Annotated[Json, WHOLE] = False) -> None:
    """Show a contract: meaning, owners, guarantees, change policy and contacts."""
    verdicts = [judge(one) for one in _chosen(object_name)]
    if json:
        shown = [{"contract": _configured(verdict.object), "since_release": verdict} for verdict in verdicts]
        write_json(shown[0] if object_name is not None else shown)
    elif object_name is None:
        _write_list(verdicts)
    else:
        _write_contract(verdicts[0], _configured(object_name))


@contract.command
def check(object_name: Name = None, /, *, json: Json = False) -> None:
    """Compare the schemas with the released ones. Exits with 3 if a change breaks `v1`, and says what to do."""
    verdicts = [judge(one) for one in _chosen(object_name)]
    if json:
        write_json(verdicts)
    for verdict in verdicts:
        for breach in verdict.breaches:
            sys.stderr.write(f"{breach}\n")
        if not json:
            sys.stdout.write(f"{verdict.object} {verdict.version}: {_state(verdict)}\n")
    if any(verdict.breaches for verdict in verdicts):
        sys.exit(REFUSED)


@contract.command
def release(object_name: Name = None, /) -> None:
    """Write the current contracts and schemas to `canonical/released`, for you to commit.

    Exits with 3, and writes nothing, if a change breaks `v1` or the version was not raised.
    """
    verdicts = [judge(one) for one in _chosen(object_name)]
    refusals = [str(breach) for verdict in verdicts for breach in verdict.breaches]
    refusals += [sentence for verdict in verdicts if (sentence := _unraised(verdict)) is not None]
    if refusals:
        sys.stderr.write("".join(f"{refusal}\n" for refusal in refusals))
        sys.exit(REFUSED)
    for verdict in verdicts:
        write_release(verdict.object)
        sys.stdout.write(f"{verdict.object} {verdict.version} is released. Commit canonical/released.\n")


def _configured(object_name: str) -> Contract:
    """Return a contract with the owners, contact and severities of `lockstitch.toml`. Raises SettingsError."""
    ownership = find_settings(os.environ).ownership
    return with_owners(contract_of(object_name), next(one for name, one in ownership.items() if name == object_name))


def _chosen(object_name: str | None) -> tuple[str, ...]:
    if object_name is None:
        return OBJECTS
    if object_name not in OBJECTS:
        usage(f"Unknown contract {object_name}. Contracts: {', '.join(OBJECTS)}.")
    return (object_name,)


def _unraised(verdict: Verdict) -> str | None:
    """Return why the version forbids a release: it was not raised after an addition, or it went back."""
    if verdict.released_version is None:
        return None
    before, now = version_key(verdict.released_version), version_key(verdict.version)
    file = f"canonical/contracts/{verdict.object}.toml"
    if now < before:
        return f"{file}: version {verdict.version} is older than the released {verdict.released_version}."
    if verdict.additions and now[:2] == before[:2]:
        raised = f"{before[0]}.{before[1] + 1}.0"
        return f"{verdict.object}: fields or values were added: raise version to {raised} in {file}, then release."
    return None


def _state(verdict: Verdict) -> str:
    if verdict.breaches:
        return f"{len(verdict.breaches)} breaking since {verdict.released_version}"
    if verdict.released_version is None:
        return "not released; run lockstitch contract release"
    if verdict.additions:
        return f"compatible with {verdict.released_version}, {len(verdict.additions)} added"
    return f"as released in {verdict.released_version}"


def _write_list(verdicts: list[Verdict]) -> None:
    shown = table("object", "version", "state", "means")
    for verdict in verdicts:
        meaning = contract_of(verdict.object)["meaning"].partition(". ")[0]
        shown.add_row(verdict.object, verdict.version, _state(verdict), Text(meaning[:LONGEST_SENTENCE]))
    Console().print(shown)


def _write_contract(verdict: Verdict, content: Contract) -> None:
    console = Console()
    console.print(Text(f"{content['object']} {content['version']}, {_state(verdict)}", style="bold"))
    console.print(Text(content["meaning"]))
    _write_owners(console, content)
    _write_promises(console, content)
    for title, changed in (("Added since the release", verdict.additions), ("Breaking", verdict.breaches)):
        if changed:
            _write_heading(console, title)
            for one in changed:
                console.print(Text(f"{one.schema}: {one.field}: {getattr(one, 'what', getattr(one, 'rule', ''))}"))


def _write_owners(console: Console, content: Contract) -> None:
    _write_heading(console, "Owners")
    console.print(Text(f"{content['owner']['team'] or 'The owner'} decides {content['owner']['decides']}."))
    owners = table("team", "system", "fields")
    for group in content["field_owners"]:
        owners.add_row(
            *(Text(group[name] or "not configured") for name in ("team", "system")), Text(", ".join(group["fields"]))
        )
    console.print(owners)
    _write_heading(console, "Producers and consumers")
    people = table("", "", "")
    people.show_header = False
    for producer in content["producers"]:
        people.add_row("writes", Text(producer["name"]), Text(producer["how"]))
    for consumer in content["consumers"]:
        people.add_row("reads", Text(consumer["name"]), Text(f"{consumer['uses']}; needs {consumer['needs']}"))
    console.print(people)
    held = [vendor.title for vendor in VENDORS.values() if active(vendor, content["object"]) is not None]
    console.print(Text(f"Mapped for {', '.join(held)}: lockstitch coverage {content['object']}"))


def _write_promises(console: Console, content: Contract) -> None:
    _write_heading(console, "Guarantees")
    for name, promise in content["guarantees"].items():
        for label, text in _flattened(name, promise):
            console.print(Text.assemble((f"{label}: ", "bold"), text))
    _write_heading(console, "Changes")
    policy = content["change_policy"]
    for name in ("compatible", "breaking"):
        console.print(Text.assemble((f"{name}: ", "bold"), "; ".join(policy[name])))
    console.print(Text.assemble(("notice: ", "bold"), policy["notice"]))
    _write_heading(console, "Incidents")
    console.print(Text.assemble(("contact: ", "bold"), content["incidents"]["contact"] or "not configured"))
    for severity in content["incidents"]["severities"]:
        console.print(Text(f"{severity['level']}. {severity['means']} Within {severity['respond_within']}."))
        if severity["first_step"] is not None:
            console.print(Text(f"   {severity['first_step']}"))


def _flattened(name: str, promise: Any) -> list[tuple[str, str]]:
    if isinstance(promise, dict):
        return [(f"{name}, {inner}", _plain(value)) for inner, value in promise.items()]
    return [(name, _plain(promise))]


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(msgspec.to_builtins(value))


def _write_heading(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold underline"))
