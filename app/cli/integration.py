"""`lockstitch integration`: write, check and show the briefs of integrations."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter
from msgspec import to_builtins

from app.cli.database import find_settings
from app.cli.exits import usage
from app.cli.findings import CheckReport, Finding, error, warning
from app.cli.printing import Json, print_result, write_json
from app.cli.tables import Cells, print_table, print_view
from app.http.nearest_name import did_you_mean
from app.http.paging import whole_list
from app.http.plurals import counted
from app.monitoring.models import ALARMS
from app.settings.briefs import BRIEF_NAME, Brief, briefs_folder
from app.settings.environment import Settings
from app.settings.reading import PLURALS
from app.vendors.configured_connections import connections_of
from app.walks.plan import lists_of, pull_plans_of
from mappings.registry import VENDORS

integration = App(name="integration")
Name = Annotated[str, Parameter(name="NAME", help="The name of the integration, and of its file.")]
AnyName = Annotated[str | None, Parameter(name="NAME", help="The name of the integration. Omit it for all.")]

SHARE: Final = 0.8
"""Of a rate limit that integrations may plan to use. The rest is for pulls, retries and people."""
TEXTS: Final = ("purpose", "trigger", "consumers", "tolerance", "owner", "on_call", "approver")
TEMPLATE: Final = """\
# The brief of this integration; docs/integrations.md explains each line. Then: lockstitch integration check {name}
purpose = ""           # what it is for, in one sentence
trigger = ""           # what starts it, and why that and nothing else
consumers = []         # who relies on the result
tolerance = ""         # what happens if it is late, and for how long it may fail
owner = ""             # the team
on_call = ""           # whom to call at 2 am
approver = ""          # who approves changes of the schema
severity = "warning"   # of a failure: critical, warning or info
alarms = []            # the alarms that matter to it, such as "dead_letters", "connection_paused"
runbook = ""           # a URL, or a file beside this folder
peak_per_minute = 0    # starts in its busiest minute
latency_seconds = 0    # how old the data of `follows` may be

[objects]              # the connection that owns each object: customers = "crm"
[follows]              # the connection whose changes start it: customers = "crm"; empty if workflows start it
[calls]                # what one start costs at each connection, in units of its rate limit: crm = 2

# [[writes]]           # one for each kind of write
# object = "customers"
# connection = "crm"
# idempotency = ""     # what its Idempotency-Key is made of
"""


@integration.command
def new(name: Name, /, *, json: Json = False) -> None:
    """Write an empty brief, for you to fill in."""
    if BRIEF_NAME.fullmatch(name) is None:
        usage(f"NAME {name}: must be 1 to 63 of a-z, 0-9, - and _, and begin with a letter.")
    folder = briefs_folder(find_settings(os.environ).config_file)
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.toml"
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(TEMPLATE.format(name=name))
    except FileExistsError:
        usage(f"{file} exists already.")
    print_result({"file": str(file)}, f"Fill in {file}, then: lockstitch integration check {name}", json=json)


@integration.command
def check(name: AnyName = None, /, *, json: Json = False) -> None:
    """Check briefs against the configuration. Exits with 1 if one has an error. Calls no vendor and no database."""
    settings = find_settings(os.environ)
    report = CheckReport()
    for one, brief in _chosen(settings, name).items():
        report.add(_check(settings, one, brief), f"integration {one}")
    report.print_and_exit(json=json)


@integration.command
def show(name: AnyName = None, /, *, json: Json = False) -> None:
    """Show a brief, or list all."""
    chosen = _chosen(find_settings(os.environ), name)
    if json:
        named = [{"name": one, **to_builtins(brief)} for one, brief in sorted(chosen.items())]
        write_json(whole_list(named) if name is None else named[0])
    elif name is None and not chosen:
        sys.stdout.write("No briefs. Write one: lockstitch integration new NAME\n")
    elif name is None:
        columns = ("integration", "severity", "owner", "connections")
        print_table(columns, sorted(chosen.items()), _row)
    else:
        print_view(chosen[name])


def _chosen(settings: Settings, name: str | None) -> Mapping[str, Brief]:
    if name is None:
        return settings.briefs
    if name not in settings.briefs:
        folder = briefs_folder(settings.config_file)
        usage(f"NAME {name}: {folder} has no such brief.{did_you_mean(name, settings.briefs)}")
    return {name: settings.briefs[name]}


def _row(named: tuple[str, Brief]) -> Cells:
    name, brief = named
    return name, brief.severity, f"{brief.owner}\n{brief.on_call}", "\n".join(brief.connections)


def _check(settings: Settings, name: str, brief: Brief) -> Iterator[Finding]:
    about, fix = f"integration {name}", f"Edit {briefs_folder(settings.config_file) / name}.toml"
    for gap in [one for one in TEXTS if not getattr(brief, one)]:
        yield error(about, f"{gap} is empty", fix)
    for complaint in (
        *_of_connections(settings, brief),
        *_of_objects(settings, brief),
        *_of_alarms(settings, brief),
        *_of_freshness(settings, brief),
    ):
        yield error(about, complaint, fix)
    for connection in brief.calls:
        yield from _of_budget(settings, about, connection)
    if settings.alerts.url is None and settings.alerts.smtp is None:
        yield warning(about, "its alarms reach no one: neither url nor smtp is set", "Add [alerts] to lockstitch.toml")


def _of_connections(settings: Settings, brief: Brief) -> Iterator[str]:
    for one in brief.connections:
        if one not in settings.connections:
            yield f"{one} is no connection.{did_you_mean(one, settings.connections)}"
    for write in brief.writes:
        if not write.idempotency:
            yield f"the write of {write.object} at {write.connection} has no idempotency"
        if not brief.calls.get(write.connection):
            yield f"calls says not what a write at {write.connection} costs"


def _of_objects(settings: Settings, brief: Brief) -> Iterator[str]:
    for plural, owner in brief.objects.items():
        configured = settings.systems_of_record.get(PLURALS[plural])
        if owner != configured:
            yield f"{plural} are owned by {configured or 'no connection'}, not by {owner}"


def _of_alarms(settings: Settings, brief: Brief) -> Iterator[str]:
    if not brief.alarms:
        yield "it has no alarm"
    for alarm in brief.alarms:
        if alarm not in ALARMS:
            yield f"{alarm} is no alarm.{did_you_mean(alarm, ALARMS)}"
    if not brief.runbook:
        yield "it has no runbook"
    elif "://" not in brief.runbook and not _beside(settings, brief.runbook).is_file():
        yield f"its runbook {brief.runbook} does not exist"


def _beside(settings: Settings, file: str) -> Path:
    return briefs_folder(settings.config_file).parent / file.partition("#")[0]


def _of_freshness(settings: Settings, brief: Brief) -> Iterator[str]:
    """Compare the latency with the schedule of pulls, where no webhook reports a change."""
    known = connections_of(settings)
    listed, pulled = (
        lists_of(settings, known),
        {(one.connection, one.object): one for one in pull_plans_of(settings, known)},
    )
    for plural, source in brief.follows.items():
        place = (source, PLURALS[plural])
        if source not in settings.connections or (place in listed and listed[place].sends_webhooks):
            continue
        plan = pulled.get(place)
        if plan is None:
            yield f"no webhook and no pull reports changes of the {plural} of {source}"
        elif brief.latency_seconds < plan.every:
            yield f"{plural} of {source} are pulled every {plan.frequency}, and may be {brief.latency_seconds:g} s old"


def _of_budget(settings: Settings, about: str, connection: str) -> Iterator[Finding]:
    """Compare what all integrations plan to use of a connection's rate limit with the limit."""
    configured = settings.connections.get(connection)
    vendor = None if configured is None else VENDORS.get(configured.vendor)
    pacing = (configured and configured.pacing) or (vendor and vendor.pacing)
    if not pacing:
        return
    users: dict[str, float] = defaultdict(float)
    for name, brief in settings.briefs.items():
        users[name] += brief.peak_per_minute * brief.calls.get(connection, 0.0)
    limit, planned = pacing.units * 60.0 / pacing.per_seconds, sum(users.values())
    if planned > SHARE * limit:
        sharers = counted(sum(1 for use in users.values() if use), "integration")
        yield error(
            about,
            f"{sharers} plan {planned:g} a minute at {connection}, above {SHARE:.0%} of its limit of {limit:g}",
            f"Spread the peak, batch the calls, or raise the limit at {connection}",
        )
