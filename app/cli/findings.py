"""Findings of `doctor` and `verify`: what is wrong, and the command that fixes it."""

import sys
from collections.abc import Iterable
from typing import Any, Literal, NoReturn

import msgspec
from msgspec import Struct

from app.cli.exits import FAILURE, SUCCESS
from app.cli.printing import say, write_json


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `about` names it: `database`, `connection crm`. `mend` is a command, or what to do first
    and then a command. Neither holds a secret."""

    level: Literal["error", "warning"]
    about: str
    found: str
    mend: str


def error(about: str, problem: str, fix: str) -> Finding:
    """Return a finding that keeps something from working."""
    return Finding(level="error", about=about, found=problem, mend=fix)


def warning(about: str, problem: str, fix: str) -> Finding:
    """Return a finding that may become one."""
    return Finding(level="warning", about=about, found=problem, mend=fix)


class CheckReport:
    """What checks have found, and which have passed."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.passed: list[str] = []

    def add(self, findings: Iterable[Finding], passed: str | None = None) -> None:
        """Add the result of a check. Without a finding, it is listed as `passed`."""
        new = list(findings)
        self.findings += new
        if not new and passed is not None:
            self.passed.append(passed)

    def print_and_exit(self, *, json: bool, **facts: Any) -> NoReturn:
        """Print what was found and what is in order. Exit with FAILURE if there is an error."""
        if json:
            write_json({**facts, "findings": msgspec.to_builtins(self.findings), "passed": self.passed})
        else:
            say(*(f"ok       {line}" for line in self.passed))
            for one in self.findings:
                say(f"{one.level:<8} {one.about}: {one.found}", style="31" if one.level == "error" else "33")
                say(f"         -> {one.mend}")
        sys.exit(FAILURE if any(one.level == "error" for one in self.findings) else SUCCESS)
