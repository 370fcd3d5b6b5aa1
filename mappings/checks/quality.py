"""Read and check `quality.toml`: the quality level of a vendor's mapping, and whether its claims are true.

A rule is `done`, `todo` or `exempt`; the last two give a reason. The rules below apply to every vendor; a vendor may
add its own. Where possible, a rule is computed, and a `done` that does not hold is refused.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from mappings.checks.derived import exact_reads, exact_writes, words_agree
from mappings.checks.file_names import files_named
from mappings.checks.finding import finding
from mappings.checks.golden import golden
from mappings.checks.reading import enums_read, errors_classified, reads
from mappings.checks.result import Result, attempted, joined
from mappings.checks.writing import enums_written, patch_minimal, settled, writes
from mappings.registry import AnyVendor

Level = Literal["bronze", "silver", "gold"]
Status = Literal["done", "todo", "exempt"]
LEVELS: Final[tuple[Level, ...]] = ("bronze", "silver", "gold")

FILE: Final = "mappings/{vendor}/quality.toml"
PAGE: Final = "docs/vendors/{vendor}.md"
WORDS_OF_A_PAGE: Final = 150
"""A page needs this many words for credentials, set-up, lost replies and peculiarities."""
BLANK: Final = "TO FILL IN"
"""Placeholder in scaffolded files, for a person to replace."""

RULES: Final[dict[str, str]] = {
    "bronze.read": "every object can be fetched, and a read drops no member, time zone or digit",
    "bronze.golden": "every object has golden records, and each maps to its expected result",
    "bronze.errors-classified": "every refusal is classified, even if its body is unreadable",
    "bronze.enums-total": "an unknown value breaks no read; each canonical value is refused or reads as it is written",
    "bronze.types": "mypy --strict reports nothing in the vendor's folders",
    "bronze.emulator": "the emulator answers every call, refuses a bad token, and its records can be read",
    "bronze.vendor-samples": "the vendor's own published samples were tried",
    "silver.write": "an object can be created or changed, and a write drops nothing: null clears",
    "silver.round-trip": "at a running system, a write reads back and is listed, and a lost create is found",
    "silver.patch-minimal": "a write sends and clears only the fields of the patch",
    "silver.marker": "every write declares its recovery from a lost reply",
    "silver.webhook-signature": "its webhooks are verified",
    "gold.incremental-pull": "every object can be listed by time of change",
    "gold.rate-limit-proven": "the rate limit was measured against an account",
    "gold.drift-sampled": "its records are sampled for drift",
    "gold.docs-page": "docs/vendors has a complete page about it",
}
"""The rules that every vendor must make a claim about, and their meaning."""
EVIDENCE: Final = "silver.round-trip"
"""The rule that only a running system proves, an emulator or a real one. No exemption replaces that."""


class RuleClaim(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The entry of one rule in `quality.toml`."""

    status: Status
    reason: str | None = None
    unread: tuple[str, ...] = ()
    """Of `bronze.read`: members of the wire Structs that are declared for another use, such as `order/archived`."""


class Judgement(Struct, frozen=True, kw_only=True):
    """The verdict on one rule: the claim, the computed result, and what to do if they differ.

    `result` is None for a rule that only people can check.
    """

    rule: str
    claim: RuleClaim | None
    result: Result | None
    complaint: str | None = None

    @property
    def level(self) -> Level:
        """Return the level of the rule."""
        return next(level for level in LEVELS if self.rule.startswith(f"{level}."))

    @property
    def is_met(self) -> bool:
        """Return whether the rule is fulfilled for its level."""
        is_proven = self.rule != EVIDENCE or (self.result is not None and self.result.holds)
        return is_proven and self.complaint is None and self.claim is not None and self.claim.status != "todo"


def claims(vendor: AnyVendor, root: Path) -> dict[str, RuleClaim]:
    """Return the claims of the vendor's `quality.toml`, by rule (`bronze.read`). Empty without the file.

    Raises msgspec.ValidationError or tomllib.TOMLDecodeError for an invalid file.
    """
    file = root / FILE.format(vendor=vendor.name)
    if not file.exists():
        return {}
    content = msgspec.convert(tomllib.loads(file.read_text("utf-8")), dict[Level, dict[str, RuleClaim]])
    return {f"{level}.{rule}": claim for level, rules in content.items() for rule, claim in rules.items()}


def computed(vendor: AnyVendor, root: Path) -> dict[str, Result]:
    """Return the results of the rules that need no running system."""
    return {rule: attempted(check) for rule, check in checks(vendor, root).items()}


def checks(vendor: AnyVendor, root: Path) -> dict[str, Callable[[], Result]]:
    """Return what computes each rule that needs no running system."""
    claimed = claims(vendor, root)
    unread = claimed["bronze.read"].unread if "bronze.read" in claimed else ()
    return {
        "bronze.read": lambda: joined(
            [
                reads(vendor, root),
                finding(vendor, root, lists=_is_exempt(claimed)),
                exact_reads(vendor, root, unread),
                files_named(vendor, root),
            ]
        ),
        "bronze.golden": lambda: golden(vendor, root),
        "bronze.errors-classified": lambda: errors_classified(vendor),
        "bronze.enums-total": lambda: joined(
            [enums_read(vendor, root), enums_written(vendor), words_agree(vendor, root)]
        ),
        "silver.write": lambda: joined([writes(vendor), exact_writes(vendor, root)]),
        "silver.patch-minimal": lambda: patch_minimal(vendor, root),
        "silver.marker": lambda: settled(vendor),
        "silver.webhook-signature": lambda: _verified(vendor),
        "gold.incremental-pull": lambda: _pulled(vendor),
        "gold.docs-page": lambda: _page(vendor, root),
    }


def judged(claimed: Mapping[str, RuleClaim], results: Mapping[str, Result]) -> tuple[Judgement, ...]:
    """Return the verdict on every rule, including the vendor's own."""
    rules = [*RULES, *(rule for rule in claimed if rule not in RULES)]
    return tuple(_judgement(rule, claimed.get(rule), results.get(rule)) for rule in rules)


def _judgement(rule: str, claim: RuleClaim | None, result: Result | None) -> Judgement:
    return Judgement(rule=rule, claim=claim, result=result, complaint=_complaint(rule, claim, result))


def _complaint(rule: str, claim: RuleClaim | None, result: Result | None) -> str | None:
    if claim is None:
        return f"quality.toml has no entry for {rule}: add done, todo or exempt"
    if claim.status != "done" and not claim.reason:
        return f"{rule} is {claim.status} without a reason"
    if claim.status == "done" and result is not None and not result.holds:
        return f"{rule} is marked done but does not hold: {result.summary}"
    return None


def _is_exempt(claimed: Mapping[str, RuleClaim]) -> bool:
    """Return whether the vendor has no emulator, which would check its lists."""
    claim = claimed.get("bronze.emulator")
    return claim is not None and claim.status == "exempt"


def _verified(vendor: AnyVendor) -> Result:
    return Result(cases=0 if vendor.webhooks is None else 1, nothing="the manifest names no webhooks")


def _pulled(vendor: AnyVendor) -> Result:
    objects = {mapping.object: mapping for mapping in vendor.mappings if mapping.object != "comment"}
    able = {name for name, one in objects.items() if one.endpoints.list is not None and one.endpoints.updated_since}
    missing = sorted(objects.keys() - able)
    failures = tuple(f"{vendor.name}.{name} cannot be listed by updated_since" for name in missing)
    return Result(cases=len(objects), failures=failures)


def _page(vendor: AnyVendor, root: Path) -> Result:
    page = root / PAGE.format(vendor=vendor.name)
    if not page.exists():
        return Result(cases=0, nothing=f"there is no {PAGE.format(vendor=vendor.name)}")
    text = page.read_text("utf-8")
    failures = []
    if BLANK in text:
        failures.append(f"{text.count(BLANK)} blanks are left ({BLANK})")
    if len(text.split()) < WORDS_OF_A_PAGE:
        failures.append(f"it has fewer than {WORDS_OF_A_PAGE} words")
    return Result(cases=1, failures=tuple(failures))
