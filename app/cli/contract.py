"""`lockstitch contract`: show the data contracts, and check whether a change breaks one."""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from cyclopts import App, Parameter

from app.cli.database import find_settings
from app.cli.exits import REFUSED
from app.cli.printing import Json, say, write_json
from app.cli.tables import Cells, print_table, print_text
from app.http.paging import whole_list
from app.ownership.contract import with_owners
from canonical.released import OBJECTS, Contract, Verdict, contract_of, judge, version_key, write_release
from mappings.registry import VENDORS, active

contract = App(name="contract")

Name = Annotated[
    Literal["customer", "order", "ticket"] | None,
    Parameter(name="OBJECT", help="customer, order or ticket. Omit it for all."),
]
WHOLE = Parameter(help="Print JSON, with the whole contract.")
LONGEST_SENTENCE: Final = 100


@contract.command
def show(object_name: Name = None, /, *, json: Annotated[Json, WHOLE] = False) -> None:
    """Show a contract: meaning, owners, guarantees, change policy and contacts."""
    verdicts = [judge(one) for one in ((object_name,) if object_name else OBJECTS)]
    if json:
        documents = [{"contract": _configured(verdict.object), "since_release": verdict} for verdict in verdicts]
        write_json(documents[0] if object_name is not None else whole_list(documents))
    elif object_name is None:
        print_table(("object", "version", "state", "means"), verdicts, _summary_row)
    else:
        _write_contract(verdicts[0], _configured(object_name))


@contract.command
def check(object_name: Name = None, /, *, json: Json = False) -> None:
    """Compare the schemas with the released ones. Exits with 3 if a change breaks `v1`, and says what to do."""
    verdicts = [judge(one) for one in ((object_name,) if object_name else OBJECTS)]
    if json:
        write_json(verdicts[0] if object_name is not None else whole_list(verdicts))
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
    verdicts = [judge(one) for one in ((object_name,) if object_name else OBJECTS)]
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


def _summary_row(verdict: Verdict) -> Cells:
    meaning = contract_of(verdict.object)["meaning"].partition(". ")[0]
    return verdict.object, verdict.version, _state(verdict), meaning[:LONGEST_SENTENCE]


def _write_contract(verdict: Verdict, content: Contract) -> None:
    say(f"{content['object']} {content['version']}, {_state(verdict)}")
    print_text(content["meaning"])
    _write_people(content)
    _write_section("Guarantees", *_flattened(content["guarantees"]))
    policy, incidents = content["change_policy"], content["incidents"]
    lists = {name: "; ".join(policy[name]) for name in ("compatible", "breaking")}
    _write_section("Changes", *lists.items(), ("notice", policy["notice"]))
    _write_section("Incidents", ("contact", incidents["contact"] or "not configured"))
    for severity in incidents["severities"]:
        print_text(f"{severity['level']}. {severity['means']} Within {severity['respond_within']}.")
        if severity["first_step"] is not None:
            print_text(f"   {severity['first_step']}")
    for title, changes in (("Added since the release", verdict.additions), ("Breaking", verdict.breaches)):
        if changes:
            _write_section(title)
            for one in changes:
                print_text(f"{one.schema}: {one.field}: {getattr(one, 'what', getattr(one, 'rule', ''))}")


def _write_people(content: Contract) -> None:
    _write_section("Owners")
    print_text(f"{content['owner']['team'] or 'The owner'} decides {content['owner']['decides']}.")
    print_table(("team", "system", "fields"), content["field_owners"], _owner_row)
    _write_section("Producers and consumers")
    writers = [("writes", one["name"], one["how"]) for one in content["producers"]]
    readers = [("reads", one["name"], f"{one['uses']}; needs {one['needs']}") for one in content["consumers"]]
    print_table(("", "", ""), [*writers, *readers], tuple)
    vendors = [vendor.title for vendor in VENDORS.values() if active(vendor, content["object"]) is not None]
    print_text(f"Mapped for {', '.join(vendors)}: lockstitch coverage {content['object']}")


def _owner_row(group: Mapping[str, Any]) -> Cells:
    return group["team"] or "not configured", group["system"] or "not configured", ", ".join(group["fields"])


def _flattened(guarantees: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, promise in guarantees.items():
        if isinstance(promise, dict):
            yield from ((f"{name}, {inner}", _plain(value)) for inner, value in promise.items())
        else:
            yield name, _plain(promise)


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(msgspec.to_builtins(value))


def _write_section(title: str, *lines: tuple[str, str]) -> None:
    """Print a heading, and lines with a label each."""
    say("", title)
    for label, text in lines:
        print_text(f"{label}: {text}")
