"""`lockstitch check-vendor`: whether a vendor's mapping does what it claims, and what is missing for each level."""

import importlib.util
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from rich.console import Console
from rich.text import Text

import mappings
from app.cli.conformance import answers, lost_create, round_trip
from app.cli.exits import REFUSED, usage
from app.cli.look_alike import is_checkout, running
from app.cli.printing import Flag, Json, write_json
from app.cli.tables import table
from app.errors import Complaint
from mappings.checks.golden import write_unanswered
from mappings.checks.quality import (
    AT_THE_LOOK_ALIKE,
    FILE,
    LEVELS,
    RULES,
    Claim,
    Judgement,
    Level,
    claims,
    computed,
    judged,
)
from mappings.checks.result import Result, attempted, joined
from mappings.registry import VENDORS, AnyVendor
from mappings.spec import Unmappable

ROOT: Final = Path(mappings.__file__).parents[1]
PARTS: Final = ("mappings/{vendor}", "emulators/{vendor}", "tests/mappings/{vendor}")
MOST_FAILURES: Final = 5
"""Of one rule that are shown; --json has all."""
MYPY_PATIENCE: Final = 600.0  # seconds; without a cache it reads all libraries
ERRORS_TEST: Final = "tests/mappings/{vendor}/test_errors.py"
"""The vendor's own test of `errors.py`: what each documented error is. It is a matter of a second or two."""
PYTEST_PATIENCE: Final = 120.0
NO_TESTS: Final = 5
"""How pytest ends that has found none."""


class Report(Struct, frozen=True, kw_only=True):
    """How far a vendor has come. `reached` is the highest level of which nothing is missing."""

    vendor: str
    reached: Level | None
    missing: dict[Level, tuple[str, ...]]
    rules: tuple[Judgement, ...]


def check_vendor(
    name: Annotated[str, Parameter(name="NAME")],
    /,
    *,
    level: Level | None = None,
    types: Annotated[bool, Parameter(negative="--no-types")] = True,
    write_golden: Flag = False,
    json: Json = False,
) -> None:
    """Run everything that can be run for a vendor, hold it against its quality.toml, and show what is missing.

    Ends with 3 where a rule is called done and does not hold, where quality.toml is silent about one, or where --level
    is not reached.

    Parameters
    ----------
    name
        The vendor's folder in mappings/.
    level
        Ask for this level; of what is to be done above it nothing is said.
    types
        Run mypy over the vendor's folders too; --no-types saves the time.
    write_golden
        Check nothing; write down what each <object>-<case>.in.json becomes that has no .out.json yet, for you to read.
    json
        As JSON, with every failure.
    """
    vendor = VENDORS.get(name)
    if vendor is None:
        usage(f"There is no vendor {name} in mappings/registry.py; there are: {', '.join(VENDORS)}.")
    if not is_checkout(ROOT):
        usage(f"{ROOT} is no working copy: check-vendor needs the tests and the look-alikes beside the mappings.")
    if write_golden:
        _write_golden(vendor)
        return
    claimed = _claims(vendor)
    report = _report(vendor, claimed, _results(vendor, claimed, types=types))
    wanted = LEVELS[: LEVELS.index(level) + 1] if level is not None else ()
    if json:
        write_json(_document(report))
    else:
        _write(report, wanted or LEVELS)
    if any(one.complaint for one in report.rules) or any(report.missing[one] for one in wanted):
        sys.exit(REFUSED)


def _write_golden(vendor: AnyVendor) -> None:
    try:
        written = write_unanswered(vendor, ROOT)
    except Unmappable as refusal:
        sys.stderr.write(f"{refusal.path}: {refusal.reason}\n")
        sys.exit(REFUSED)
    for file in written:
        sys.stdout.write(f"written  {file}: read it, every line\n")
    if not written:
        sys.stdout.write("Every case has its .out.json; take one away to have it written again.\n")


def _claims(vendor: AnyVendor) -> dict[str, Claim]:
    try:
        return claims(vendor, ROOT)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise Complaint(f"{FILE.format(vendor=vendor.name)} cannot be understood: {error}.") from error


def _results(vendor: AnyVendor, claimed: dict[str, Claim], *, types: bool) -> dict[str, Result]:
    found = computed(vendor, ROOT)
    if (tested := _errors_test(vendor)) is not None:
        found["bronze.errors-classified"] = joined([found["bronze.errors-classified"], tested])
    if not _is_exempt(claimed.get("bronze.look-alike")):
        with running(vendor, ROOT) as look_alike:
            checks = (answers, round_trip, lost_create)
            answered = [attempted(partial(check, vendor, look_alike, ROOT)) for check in checks]
        for rule, result in zip(AT_THE_LOOK_ALIKE, answered, strict=True):
            found[rule] = joined([found[rule], result]) if rule in found else result
    if types and (typed := _types(vendor)) is not None:
        found["bronze.types"] = typed
    return found


def _is_exempt(claim: Claim | None) -> bool:
    """Whether the vendor is tried on the real thing: what a look-alike would show is for people to judge then."""
    return claim is not None and claim.status == "exempt"


def _errors_test(vendor: AnyVendor) -> Result | None:
    """Whether the vendor's own test of its errors is green, up to the first that is not; None without one."""
    file = ERRORS_TEST.format(vendor=vendor.name)
    if not (ROOT / file).exists():
        return None
    if importlib.util.find_spec("pytest") is None:
        sys.stderr.write(f"pytest is not installed here, so {file} was not run.\n")
        return None
    shown = ("-x", "-q", "-rfE", "--tb=short", "--no-header", "-p", "no:cacheprovider")
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-m", "pytest", *shown, file],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "1000"},  # else the reason is cut off at the terminal's width
            capture_output=True,
            text=True,
            timeout=PYTEST_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(cases=1, failures=(f"{file} takes more than {PYTEST_PATIENCE:.0f} seconds",))
    if done.returncode == 0:
        return Result(cases=1)
    if done.returncode == NO_TESTS:
        return Result(cases=1, failures=(f"{file} holds no test that runs",))
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    red = next((what for word, _, what in lines if word in ("FAILED", "ERROR")), f"{file} cannot be run")
    # Of a file that cannot be imported the summary does not say why.
    why = next((what.strip() for word, _, what in lines if word == "E"), f"pytest ends with {done.returncode}")
    return Result(cases=1, failures=(red if " - " in red else f"{red} - {why}",))


def _types(vendor: AnyVendor) -> Result | None:
    """What mypy says about the vendor's folders, with the project's own settings; None without mypy."""
    if importlib.util.find_spec("mypy") is None:
        sys.stderr.write("mypy is not installed here, so the types were not checked.\n")
        return None
    folders = [part for one in PARTS if (ROOT / (part := one.format(vendor=vendor.name))).is_dir()]
    done = subprocess.run(  # noqa: S603 - our own interpreter and folders
        [sys.executable, "-m", "mypy", "--no-error-summary", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=MYPY_PATIENCE,
        check=False,
    )
    lines = tuple(line for line in (done.stdout + done.stderr).splitlines() if line.strip())
    return Result(cases=len(folders), failures=lines if done.returncode else ())


def _report(vendor: AnyVendor, claimed: dict[str, Claim], results: dict[str, Result]) -> Report:
    rules = judged(claimed, results)
    missing = {level: tuple(one.rule for one in rules if one.level == level and not one.is_met) for level in LEVELS}
    reached: Level | None = None
    for level in LEVELS:
        if missing[level]:
            break
        reached = level
    return Report(vendor=vendor.name, reached=reached, missing=missing, rules=rules)


def _document(report: Report) -> dict[str, Any]:
    """The report with what is computed of each rule beside it."""
    told: dict[str, Any] = msgspec.to_builtins(report)
    for shown, rule in zip(told["rules"], report.rules, strict=True):
        shown["level"], shown["is_met"] = rule.level, rule.is_met
        shown["holds"] = None if rule.result is None else rule.result.holds
    return told


def _write(report: Report, levels: Sequence[Level]) -> None:
    """The rules of these levels, and of any other what is wrong."""
    console = Console()
    told_of = [one for one in report.rules if one.level in levels or one.complaint is not None]
    shown = table("rule", "claim", "found")
    for one in told_of:
        shown.add_row(Text(one.rule), Text("-" if one.claim is None else one.claim.status), _found(one))
    console.print(shown)
    for one in told_of:
        for told in _said(one):
            console.print(Text(told))
    console.print()
    for level in LEVELS:
        left = report.missing[level]
        console.print(Text(f"{level}: {'all there' if not left else f'{len(left)} to go: ' + _names(left)}"))
    console.print(Text(f"{report.vendor} has reached {report.reached or 'no level yet'}.", style="bold"))


def _found(one: Judgement) -> Text:
    if one.result is None:
        return Text("not checked" if one.rule == "bronze.types" else "for people to judge")
    if one.result.holds:
        return Text(f"holds, {one.result.told}", style="green")
    return Text(one.result.told, style="red" if one.complaint else "yellow")


def _said(one: Judgement) -> Sequence[str]:
    """What to do about one rule; nothing where all is well."""
    told = []
    if one.complaint is not None:
        told.append(f"\n{one.complaint}")
    elif one.claim is not None and one.claim.status == "todo":
        told.append(f"\n{one.rule} is to be done: {one.claim.reason}")
        if one.result is not None and one.result.holds and one.rule in RULES:
            told.append(f"  Of what stands there it holds that {RULES[one.rule]}.")
    if one.result is not None and (one.complaint is not None or (one.claim and one.claim.status == "todo")):
        told += [f"  {failure}" for failure in one.result.failures[:MOST_FAILURES]]
        if len(one.result.failures) > MOST_FAILURES:
            told.append(f"  and {len(one.result.failures) - MOST_FAILURES} more: --json has all")
    return told


def _names(rules: Sequence[str]) -> str:
    return ", ".join(rule.partition(".")[2] for rule in rules)
