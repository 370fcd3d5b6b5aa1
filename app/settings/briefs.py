"""Integration briefs, one page about each integration: `integrations/NAME.toml` next to the configuration file.

Alarms, dead letters and runs name who is responsible for a connection. `lockstitch integration check` judges a brief.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from app.settings.reading import SettingsError, convert

FOLDER: Final = "integrations"
BRIEF_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")

Severity = Literal["critical", "warning", "info"]
Plural = Literal["customers", "orders", "tickets"]


class BriefedWrite(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of write. `idempotency`: what its Idempotency-Key is made of."""

    object: Plural
    connection: str
    idempotency: str


class Brief(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people must know about an integration. An empty text is a gap, which `check` reports.

    `objects` names the connection that owns each object, `follows` the connection whose changes start the integration.
    `calls` is what one start costs at each connection, in the units of its rate limit.
    """

    purpose: str = ""
    trigger: str = ""
    consumers: tuple[str, ...] = ()
    tolerance: str = ""
    owner: str = ""
    on_call: str = ""
    approver: str = ""
    severity: Severity = "warning"
    alarms: tuple[str, ...] = ()
    runbook: str = ""
    peak_per_minute: Annotated[float, Meta(ge=0)] = 0.0
    latency_seconds: Annotated[float, Meta(ge=0)] = 0.0
    objects: dict[Plural, str] = {}
    follows: dict[Plural, str] = {}
    calls: dict[str, Annotated[float, Meta(ge=0)]] = {}
    writes: tuple[BriefedWrite, ...] = ()

    @property
    def connections(self) -> tuple[str, ...]:
        """Every connection that the brief names."""
        written = (one.connection for one in self.writes)
        return tuple(sorted({*self.objects.values(), *self.follows.values(), *self.calls, *written}))


class Responsible(Struct, frozen=True, kw_only=True):
    """Who is responsible for an integration that uses the connection, as its brief says."""

    integration: str
    """The name of the brief. Example: `"signups"`"""
    severity: Severity
    """How urgent a failure is. Example: `"critical"`"""
    owner: str
    """The team that owns the integration. Example: `"growth"`"""
    on_call: str
    """Whom to call at night. Example: `"growth-oncall@example.com"`"""
    runbook: str
    """What to do. Example: `"https://wiki.example.com/signups"`"""

    def __str__(self) -> str:
        return f"{self.owner} ({self.integration}, {self.severity}), on call: {self.on_call}, runbook: {self.runbook}"


def briefs_folder(config_file: Path | None) -> Path:
    """Return the folder of the briefs, which may not exist."""
    return (Path() if config_file is None else config_file.parent) / FOLDER


def read_briefs(folder: Path) -> dict[str, Brief]:
    """Read every brief, by name. Raises SettingsError with each that is not TOML or has an unknown member."""
    briefs, complaints = {}, []
    for file in sorted(folder.glob("*.toml")):
        try:
            if BRIEF_NAME.fullmatch(file.stem) is None:
                raise SettingsError("must have a name of a-z, 0-9, - and _.")
            briefs[file.stem] = convert(tomllib.loads(file.read_text(encoding="utf-8")), Brief)
        except (OSError, UnicodeDecodeError):
            complaints.append(f"{file} cannot be read.")
        except tomllib.TOMLDecodeError as error:
            complaints.append(f"{file} is not TOML: {error}.")
        except SettingsError as error:
            complaints.append(f"{file} {error}")
    if complaints:
        raise SettingsError("\n".join(complaints))
    return briefs


def responsible_of(
    briefs: Mapping[str, Brief], credentials: Mapping[str, Mapping[str, str]]
) -> Mapping[str, tuple[Responsible, ...]]:
    """Return who is responsible for each connection, and for each secret of the vault among its `credentials`."""
    responsible: dict[str, list[Responsible]] = defaultdict(list)
    for name, brief in briefs.items():
        references = {one for each in brief.connections for one in credentials.get(each, {}).values()}
        secrets = {one.removeprefix("vault:") for one in references if one.startswith("vault:")}
        for subject in {*brief.connections, *secrets}:
            responsible[subject].append(
                Responsible(
                    integration=name,
                    severity=brief.severity,
                    owner=brief.owner,
                    on_call=brief.on_call,
                    runbook=brief.runbook,
                )
            )
    return {subject: tuple(everyone) for subject, everyone in responsible.items()}
