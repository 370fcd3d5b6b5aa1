"""`lockstitch contract`: what the data contracts promise, and whether a change would break one."""

import sys
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from app.cli.exits import REFUSED, usage
from app.cli.printing import Json, write_json
from app.cli.tables import table
from canonical.released import OBJECTS, Contract, Verdict, contract_of, judge, version_key, write_release
from mappings.registry import VENDORS, active

contract = App(name="contract", help="What the data contracts promise, and whether a change breaks one.")

Name = Annotated[str | None, Parameter(name="OBJECT")]
LONGEST_SENTENCE: Final = 100


@contract.command
def show(object_name: Name = None, /, *, json: Json = False) -> None:
    """Show what a contract promises: meaning, owners, guarantees, changes, and who keeps it.

    Parameters
    ----------
    object_name
        customer, order or ticket; all of them in short when left out.
    json
        As JSON, with the contract whole.
    """
    verdicts = [judge(one) for one in _chosen(object_name)]
    if json:
        shown = [{"contract": contract_of(verdict.object), "since_release": verdict} for verdict in verdicts]
        write_json(shown[0] if object_name is not None else shown)
    elif object_name is None:
        _write_list(verdicts)
    else:
        _write_contract(verdicts[0], contract_of(object_name))


@contract.command
def check(object_name: Name = None, /, *, json: Json = False) -> None:
    """Hold the schemas against the released ones. Ends with 3 where a change breaks `v1`, and says what to do.

    Parameters
    ----------
    object_name
        customer, order or ticket; all of them when left out.
    json
        As JSON.
    """
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
    """Keep the present contracts and schemas as the released ones, in `canonical/released`, to be committed.

    Ends with 3, and writes nothing, where a change breaks `v1` or the version was not raised.

    Parameters
    ----------
    object_name
        customer, order or ticket; all of them when left out.
    """
    verdicts = [judge(one) for one in _chosen(object_name)]
    refusals = [str(breach) for verdict in verdicts for breach in verdict.breaches]
    refusals += [sentence for verdict in verdicts if (sentence := _unraised(verdict)) is not None]
    if refusals:
        sys.stderr.write("".join(f"{refusal}\n" for refusal in refusals))
        sys.exit(REFUSED)
    for verdict in verdicts:
        write_release(verdict.object)
        sys.stdout.write(f"{verdict.object} {verdict.version} is the released one; commit canonical/released.\n")


def _chosen(object_name: str | None) -> tuple[str, ...]:
    if object_name is None:
        return OBJECTS
    if object_name not in OBJECTS:
        usage(f"There is no contract {object_name}; there are: {', '.join(OBJECTS)}.")
    return (object_name,)


def _unraised(verdict: Verdict) -> str | None:
    """What stands against a release beside breaches: a version that says nothing changed, or that went back."""
    if verdict.released_version is None:
        return None
    before, now = version_key(verdict.released_version), version_key(verdict.version)
    file = f"canonical/contracts/{verdict.object}.toml"
    if now < before:
        return f"{verdict.object}: version {verdict.version} is before the released {verdict.released_version}: {file}"
    if verdict.additions and now[:2] == before[:2]:
        raised = f"{before[0]}.{before[1] + 1}.0"
        return f"{verdict.object}: fields or values were added: raise version to {raised} in {file}, then release."
    return None


def _state(verdict: Verdict) -> str:
    if verdict.breaches:
        return f"{len(verdict.breaches)} breaking since {verdict.released_version}"
    if verdict.released_version is None:
        return "not released yet: lockstitch contract release"
    if verdict.additions:
        return f"compatible with {verdict.released_version}, {len(verdict.additions)} added"
    return f"as released in {verdict.released_version}"


def _write_list(verdicts: list[Verdict]) -> None:
    shown = table("object", "version", "state", "means")
    for verdict in verdicts:
        meaning = contract_of(verdict.object)["meaning"].partition(". ")[0]
        shown.add_row(verdict.object, verdict.version, _state(verdict), Text(meaning[:LONGEST_SENTENCE]))
    Console().print(shown)


def _write_contract(verdict: Verdict, told: Contract) -> None:
    console = Console()
    console.print(Text(f"{told['object']} {told['version']}, {_state(verdict)}", style="bold"))
    console.print(Text(told["meaning"]))
    _write_owners(console, told)
    _write_promises(console, told)
    for title, changed in (("Added since the release", verdict.additions), ("Breaking", verdict.breaches)):
        if changed:
            _write_heading(console, title)
            for one in changed:
                console.print(Text(f"{one.schema}: {one.field}: {getattr(one, 'what', getattr(one, 'rule', ''))}"))


def _write_owners(console: Console, told: Contract) -> None:
    _write_heading(console, "Owners")
    console.print(Text(f"{told['owner']['team']} decides {told['owner']['decides']}."))
    owners = table("team", "system", "fields")
    for group in told["field_owners"]:
        owners.add_row(Text(group["team"]), Text(group["system"]), Text(", ".join(group["fields"])))
    console.print(owners)
    _write_heading(console, "Who is there")
    people = table("", "", "")
    people.show_header = False
    for producer in told["producers"]:
        people.add_row("writes", Text(producer["name"]), Text(producer["how"]))
    for consumer in told["consumers"]:
        people.add_row("reads", Text(consumer["name"]), Text(f"{consumer['uses']}; needs {consumer['needs']}"))
    console.print(people)
    held = [vendor.title for vendor in VENDORS.values() if active(vendor, told["object"]) is not None]
    console.print(Text(f"Mapped for {', '.join(held)}: lockstitch coverage {told['object']}"))


def _write_promises(console: Console, told: Contract) -> None:
    _write_heading(console, "Guarantees")
    for name, promise in told["guarantees"].items():
        for label, text in _flattened(name, promise):
            console.print(Text.assemble((f"{label}: ", "bold"), text))
    _write_heading(console, "Changes")
    policy = told["change_policy"]
    for name in ("compatible", "breaking"):
        console.print(Text.assemble((f"{name}: ", "bold"), "; ".join(policy[name])))
    console.print(Text.assemble(("notice: ", "bold"), policy["notice"]))
    _write_heading(console, "Incidents")
    console.print(Text.assemble(("contact: ", "bold"), told["incidents"]["contact"]))
    for severity in told["incidents"]["severities"]:
        console.print(Text(f"{severity['level']}. {severity['means']} Within {severity['respond_within']}:"))
        console.print(Text(f"   {severity['first_step']}"))


def _flattened(name: str, promise: Any) -> list[tuple[str, str]]:
    if isinstance(promise, dict):
        return [(f"{name}, {inner}", _said(value)) for inner, value in promise.items()]
    return [(name, _said(promise))]


def _said(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(msgspec.to_builtins(value))


def _write_heading(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold underline"))
