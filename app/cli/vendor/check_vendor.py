"""`lockstitch check-vendor`: check a vendor's mapping against its claims, and list what each level still needs."""

import importlib.util
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

import mappings
from app.cli.exits import REFUSED, usage
from app.cli.printing import Flag, Json, say, write_json
from app.cli.tables import BOLD, print_table
from app.cli.vendor.conformance import answers, lost_create, round_trip
from app.cli.vendor.emulator import RunningSystem, is_checkout, run_module, running, running_peer
from app.errors import Complaint
from mappings.checks.golden import write_unanswered
from mappings.checks.quality import (
    FILE,
    LEVELS,
    RULES,
    Judgement,
    Level,
    RuleClaim,
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
"""Failures shown per rule; --json has all."""
MYPY_PATIENCE: Final = 600.0  # seconds; without a cache, mypy reads all libraries
ERRORS_TEST: Final = "tests/mappings/{vendor}/test_errors.py"
"""The vendor's test of `errors.py`, which covers each documented error. It takes a second or two."""
PYTEST_PATIENCE: Final = 120.0
UNCHECKED: Final = {"bronze.types": "not checked", "silver.round-trip": "not run: --peer"}
"""What is shown of a rule that was not checked. People check all others."""
NO_TESTS: Final = 5
"""The exit code of pytest when it finds no tests."""


class Report(Struct, frozen=True, kw_only=True):
    """The result of a check. `reached` is the highest level with no missing rules."""

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
    peer: str | None = None,
    json: Annotated[Json, Parameter(help="Print JSON, with all failures.")] = False,
) -> None:
    """Run all checks of a vendor, compare them with its quality.toml, and show what is missing.

    Exits with 3 if a rule is claimed as done but fails, if quality.toml omits a rule, or if --level is not reached.

    Parameters
    ----------
    name
        The vendor's folder in mappings/.
    level
        Require this level, and show only rules up to it.
    types
        Also run mypy on the vendor's folders. --no-types is faster.
    write_golden
        Only write the missing OBJECT-CASE.out.json of each OBJECT-CASE.in.json, for you to review.
    peer
        The URL of the real system, to test there instead of at the emulator. It creates records.
    """
    vendor = VENDORS.get(name)
    if vendor is None:
        usage(f"Unknown vendor {name}. Vendors in mappings/registry.py: {', '.join(VENDORS)}.")
    if not is_checkout(ROOT):
        usage(f"{ROOT} is not a checkout: check-vendor needs the folders mappings, emulators and tests.")
    if write_golden:
        _write_golden(vendor)
        return
    claimed = _claims(vendor)
    report = _report(vendor, claimed, _results(vendor, claimed, peer, types=types))
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
        sys.stdout.write(f"written  {file}: review every line\n")
    if not written:
        sys.stdout.write("Every case has an .out.json. Delete one to write it again.\n")


def _claims(vendor: AnyVendor) -> dict[str, RuleClaim]:
    try:
        return claims(vendor, ROOT)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise Complaint(f"{FILE.format(vendor=vendor.name)} is invalid: {error}.") from error


def _results(vendor: AnyVendor, claimed: dict[str, RuleClaim], peer: str | None, *, types: bool) -> dict[str, Result]:
    results = computed(vendor, ROOT)
    if (tested := _errors_test(vendor)) is not None:
        results["bronze.errors-classified"] = joined([results["bronze.errors-classified"], tested])
    if peer is not None:
        with running_peer(vendor, peer) as system:
            results["silver.round-trip"] = _round_trip(vendor, system)
    elif not _is_exempt(claimed.get("bronze.emulator")):
        with running(vendor, ROOT) as emulator:
            results["bronze.emulator"] = attempted(partial(answers, vendor, emulator, ROOT))
            results["silver.round-trip"] = _round_trip(vendor, emulator)
    if types and (typed := _types(vendor)) is not None:
        results["bronze.types"] = typed
    return results


def _round_trip(vendor: AnyVendor, system: RunningSystem) -> Result:
    return joined(attempted(partial(check, vendor, system, ROOT)) for check in (round_trip, lost_create))


def _is_exempt(claim: RuleClaim | None) -> bool:
    """Return whether the vendor is tested against the real system, so that the emulator checks do not apply."""
    return claim is not None and claim.status == "exempt"


def _errors_test(vendor: AnyVendor) -> Result | None:
    """Run the vendor's test of its errors up to the first failure. None without such a test, or without pytest."""
    file = ERRORS_TEST.format(vendor=vendor.name)
    if not (ROOT / file).exists():
        return None
    if importlib.util.find_spec("pytest") is None:
        sys.stderr.write(f"pytest is not installed here, so {file} was not run.\n")
        return None
    options = ("-x", "-q", "-rfE", "--tb=short", "--no-header", "-p", "no:cacheprovider")
    try:
        # On a narrow terminal, pytest truncates the reason.
        done = run_module(ROOT, "pytest", *options, file, seconds=PYTEST_PATIENCE, columns=1000)
    except subprocess.TimeoutExpired:
        return Result(cases=1, failures=(f"{file} takes more than {PYTEST_PATIENCE:.0f} seconds",))
    if done.returncode == 0:
        return Result(cases=1)
    if done.returncode == NO_TESTS:
        return Result(cases=1, failures=(f"{file} has no tests",))
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    red = next((what for word, _, what in lines if word in ("FAILED", "ERROR")), f"{file} cannot be run")
    # The summary does not say why a file cannot be imported.
    why = next((what.strip() for word, _, what in lines if word == "E"), f"pytest exits with {done.returncode}")
    return Result(cases=1, failures=(red if " - " in red else f"{red} - {why}",))


def _types(vendor: AnyVendor) -> Result | None:
    """Run mypy on the vendor's folders with the project's settings. None without mypy."""
    if importlib.util.find_spec("mypy") is None:
        sys.stderr.write("mypy is not installed here, so the types were not checked.\n")
        return None
    folders = [part for one in PARTS if (ROOT / (part := one.format(vendor=vendor.name))).is_dir()]
    done = run_module(ROOT, "mypy", "--no-error-summary", *folders, seconds=MYPY_PATIENCE)
    lines = tuple(line for line in (done.stdout + done.stderr).splitlines() if line.strip())
    return Result(cases=len(folders), failures=lines if done.returncode else ())


def _report(vendor: AnyVendor, claimed: dict[str, RuleClaim], results: dict[str, Result]) -> Report:
    rules = judged(claimed, results)
    missing = {level: tuple(one.rule for one in rules if one.level == level and not one.is_met) for level in LEVELS}
    reached: Level | None = None
    for level in LEVELS:
        if missing[level]:
            break
        reached = level
    return Report(vendor=vendor.name, reached=reached, missing=missing, rules=rules)


def _document(report: Report) -> dict[str, Any]:
    """Return the report with the computed properties of each rule."""
    document: dict[str, Any] = msgspec.to_builtins(report)
    for described, rule in zip(document["rules"], report.rules, strict=True):
        described["level"], described["is_met"] = rule.level, rule.is_met
        described["holds"] = None if rule.result is None else rule.result.holds
    return document


def _write(report: Report, levels: Sequence[Level]) -> None:
    """Print the rules of these levels, and the complaints of all levels."""
    rules = [one for one in report.rules if one.level in levels or one.complaint is not None]
    print_table(
        ("rule", "claim", "found"),
        rules,
        lambda one: (one.rule, "-" if one.claim is None else one.claim.status, _result(one)),
    )
    say(*(line for one in rules for line in _explanation(one)), "")
    for level in LEVELS:
        left = report.missing[level]
        exempt = sum(
            one.level == level and one.claim is not None and one.claim.status == "exempt" for one in report.rules
        )
        done = f"complete, {exempt} exempt" if exempt else "complete"
        say(f"{level}: {done if not left else f'{len(left)} to go: ' + _names(left)}")
    say(f"{report.vendor} has reached {report.reached or 'no level yet'}.", style=BOLD)


def _result(one: Judgement) -> str:
    if one.claim is not None and one.claim.status == "exempt":
        return "exempt"
    if one.result is None:
        return UNCHECKED.get(one.rule, "needs review")
    return f"holds, {one.result.summary}" if one.result.holds else one.result.summary


def _explanation(one: Judgement) -> Sequence[str]:
    """Return what to do about one rule. Empty if nothing is wrong."""
    lines = []
    if one.complaint is not None:
        lines.append(f"\n{one.complaint}")
    elif one.claim is not None and one.claim.status == "todo":
        lines.append(f"\n{one.rule} is to be done: {one.claim.reason}")
        if one.result is not None and one.result.holds and one.rule in RULES:
            lines.append(f"  For what exists already, it holds that {RULES[one.rule]}.")
    if one.result is not None and (one.complaint is not None or (one.claim and one.claim.status == "todo")):
        lines += [f"  {failure}" for failure in one.result.failures[:MOST_FAILURES]]
        if len(one.result.failures) > MOST_FAILURES:
            lines.append(f"  and {len(one.result.failures) - MOST_FAILURES} more: --json has all")
    return lines


def _names(rules: Sequence[str]) -> str:
    return ", ".join(rule.partition(".")[2] for rule in rules)
