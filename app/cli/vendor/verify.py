"""`lockstitch verify`: check a mapping against a connection's own live account."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from app.cli.database import require_connection
from app.cli.findings import CheckReport, Finding, error, warning
from app.cli.printing import Flag, Json, announce_vendors
from app.cli.shell import Shell, another_environment, open_shell
from app.cli.vendor.conformance import check_created, find_marked
from app.cli.vendor.live_account import (
    SKEW_SECONDS,
    LiveVendor,
    check_access,
    explain,
    list_request,
    mappings_of,
    open_live,
)
from app.cli.vendor.sample_account import PEOPLE, Account, Refused, whole
from app.errors import Complaint
from app.http.plurals import counted
from app.identifiers import new_id
from app.problem_document import Problem
from app.settings.pull import STOCK_LEVEL
from app.settings.reading import SettingsError
from app.vendors.models import ReplyLost, VendorRefused
from mappings.registry import VENDORS, AnyMapping
from mappings.spec import Mapped, Unmappable

RECORDS: Final = 50
SHOWN: Final = 3
"""Records that are named per finding."""
FAILED: Final = (Problem, VendorRefused, ReplyLost, Refused, Unmappable)


def verify(connection: str, /, *, write: Flag = False, records: int = RECORDS, json: Json = False) -> None:
    """Check a connection against its own account: access, scopes, fields, enums, time zone and limits. Read-only.

    Exits with 1 if something is wrong.

    Parameters
    ----------
    connection
        The connection's name.
    write
        Also create and remove one marked record of each object that can be removed without telling anyone.
    records
        The records of each object to read, at most one page.
    json
        Print JSON.
    """
    report = CheckReport()
    with asyncio.Runner() as runner, open_shell(runner) as shell:
        settings = shell.settings
        require_connection(settings, connection)
        configured = settings.connections[connection]
        if configured.vendor not in VENDORS or configured.only_takes_webhooks:
            raise Complaint(f"Lockstitch does not call {connection}, so there is nothing to verify.")
        if shell.foreign:
            report.add([another_environment(shell)])
            report.print_and_exit(json=json, connection=connection)
        try:
            announce_vendors([connection])
            with open_live(runner, settings, connection, shell.secrets, shell.bound) as live:
                _verify(live, shell, connection, max(1, records), report, write=write)
        except SettingsError as complaint:
            report.add([error(f"connection {connection}", str(complaint), "lockstitch doctor")])
    report.print_and_exit(json=json, connection=connection)


def _verify(live: LiveVendor, shell: Shell, name: str, records: int, report: CheckReport, *, write: bool) -> None:
    account, findings = check_access(live, shell.settings, name)
    connection = shell.settings.connections[name]
    title = VENDORS[connection.vendor].title
    report.add(findings, f"{title} shows the account and every object to the credential of {name}")
    if account is None:
        return
    vendor = account.vendor
    for mapping in mappings_of(connection):
        _check_object(live, account, mapping, shell, name, records, report)
    _check_stock(account, shell, name, report)
    _check_limits(live, account, shell, name, report)
    if write and not vendor.removable:
        report.add([], f"no record was written: {title} would tell someone of it, or cannot remove it")
    for mapping in mappings_of(connection) if write else ():
        if mapping.object in vendor.removable:
            _check_write(account, mapping, name, report)


def _check_object(
    live: LiveVendor, account: Account, mapping: AnyMapping, shell: Shell, name: str, records: int, report: CheckReport
) -> None:
    """Read one page and map every record."""
    listing = list_request(mapping, account, records)
    if listing is None or mapping.endpoints.page is None:
        return
    about = f"connection {name}, {mapping.object}"
    try:
        page = mapping.endpoints.page(account.ask(listing[0]), listing[1], account.facts)
        facts = account.with_related(mapping, page.records, page.account)
    except Unmappable as unmappable:
        report.add([error(about, f"the list cannot be read: {unmappable}", _report_command(mapping))])
        return
    except FAILED as refusal:
        # `check_access` has reported a missing permission.
        if not isinstance(refusal, VendorRefused) or refusal.refusal.kind != "not_allowed":
            report.add([explain(shell.settings, shell.settings.connections[name], refusal, mapping.object)])
        return
    mapped: list[Mapped[Any]] = []
    broken: Counter[str] = Counter()
    for record in page.records:
        try:
            mapped.append(mapping.read(record, facts))
        except Unmappable as unmappable:
            broken[f"{unmappable.reason} - at {unmappable.place}"] += 1
    findings = [
        error(about, f"{count} of {len(page.records)} records cannot be mapped: {why}", _report_command(mapping))
        for why, count in broken.items()
    ]
    findings += _check_enums(about, name, mapping, mapped)
    findings += _check_times(about, mapped, live.skew, f"lockstitch verify {name}")
    report.add(findings, f"{mapping.object}: {counted(len(mapped), 'record')} mapped, times and enum values are known")


def _check_stock(account: Account, shell: Shell, name: str, report: CheckReport) -> None:
    """Read one page of stock levels, if they are pulled."""
    connection, reads = shell.settings.connections[name], account.vendor.stock
    if connection.stock is None or reads is None:
        return
    about, revise = f"connection {name}, stock levels", "Report it: the reads of stock need a revision."
    try:
        page = reads.page(account.ask(reads.request(None, reads.max_limit)), None, reads.max_limit)
    except Unmappable as unmappable:
        report.add([error(about, f"they cannot be read: {unmappable}", revise)])
        return
    except FAILED as refusal:
        report.add([explain(shell.settings, connection, refusal, STOCK_LEVEL)])
        return
    findings = [error(about, f"{counted(page.unreadable, 'item')} cannot be read", revise)] if page.unreadable else []
    report.add(findings, f"stock levels: {counted(len(page.levels), 'level')} of a page read")


def _report_command(mapping: AnyMapping) -> str:
    return f"The mapping needs a revision. To try such a record: lockstitch map {mapping.name} FILE"


def _check_enums(about: str, connection: str, mapping: AnyMapping, mapped: Sequence[Mapped[Any]]) -> Iterator[Finding]:
    """Report enum values that the mapping cannot translate. They read as `unknown`, and `<field>_raw` has the vendor's
    value."""
    for name in (field.name for field in msgspec.structs.fields(mapping.model)):
        unknown = [one.remote.id for one in mapped if _is_unknown(one.data, name)]
        if unknown:
            yield warning(
                about,
                f"{name} of {len(unknown)} of {len(mapped)} records has a value that the mapping does not know,"
                f" such as that of {', '.join(unknown[:SHOWN])}",
                f"The mapping needs a revision. To see a value, in {name}_raw:"
                f" GET /v1/{mapping.object}s/{connection}:{unknown[0]}",
            )


def _is_unknown(data: Any, name: str) -> bool:
    # A field that the vendor does not have, or left empty, is `unknown` without a raw value.
    return getattr(data, name) == "unknown" and getattr(data, f"{name}_raw", None) is not None


def _check_times(about: str, mapped: Sequence[Mapped[Any]], skew: float, again: str) -> Iterator[Finding]:
    """Find times in the vendor's future: a local time that is read as UTC."""
    now = datetime.now(UTC).timestamp() - skew
    late = {
        one.remote.id: ahead
        for one in mapped
        for at in (one.remote.updated_at or one.remote.created_at,)
        if at is not None and (ahead := at.timestamp() - now) > SKEW_SECONDS
    }
    if late:
        yield error(
            about,
            f"{len(late)} of {len(mapped)} records changed up to {max(late.values()) / 3600:.1f} h in the future,"
            f" such as {', '.join(list(late)[:SHOWN])}: the account's time zone is wrong, or its clock",
            f"Correct the time zone at the vendor, then: {again}",
        )


def _check_limits(live: LiveVendor, account: Account, shell: Shell, name: str, report: CheckReport) -> None:
    """Compare the limit that the vendor reports with the configured pace."""
    vendor, about = account.vendor, f"connection {name}, limits"
    budget = None if live.last is None else vendor.budget(live.last)
    if budget is None:
        report.add([], "limits: the vendor reports none")
        return
    pacing = shell.settings.connections[name].pacing or vendor.pacing
    rate = pacing.units / pacing.per_seconds
    rest, findings = f"{budget.remaining:.0f} left", []
    if budget.restore_per_second is not None and rate > budget.restore_per_second:
        why = f"{rest}; it restores {budget.restore_per_second:g} units a second, and pacing allows {rate:g}"
        fix = (
            f"Set pacing = {{ units = {budget.restore_per_second:g}, per_seconds = 1 }} in [connections.{name}],"
            f" then: lockstitch verify {name}"
        )
        findings.append(warning(about, why, fix))
    elif budget.remaining < 1:
        why = "the account's limit is used up, perhaps by other clients"
        findings.append(warning(about, why, f"lockstitch verify {name}"))
    report.add(findings, f"limits: {rest}")


def _check_write(account: Account, mapping: AnyMapping, name: str, report: CheckReport) -> None:
    """Create one marked record, read it back, find it by its marker, and remove all that was created."""
    endpoints, about, marker = mapping.endpoints, f"connection {name}, {mapping.object}", new_id("op_")
    if endpoints.create is None or endpoints.archive is None:
        return
    person = Account(account.vendor, account.sender, account.facts, {"customer": _unique_email(marker)})
    findings: list[Finding] = []
    fix = f"Remove the record marked {marker} at {account.vendor.title} by hand, then: lockstitch verify {name} --write"
    remote_id, looked_up = None, ""
    try:
        people = person.people(mapping) if "customer" in account.vendor.removable else PEOPLE
        body, draft = whole(person, mapping, people)
        remote_id = person.create(mapping, draft.body, marker)
        failures = [one for one in check_created(person, mapping, body, draft, remote_id) if one is not None]
        findings += [error(about, failure, _report_command(mapping)) for failure in failures]
        if endpoints.find_marker is not None:
            looked_up = " found by it,"
            if endpoints.find_marker(marker, None, draft.body, person.facts) is None:
                looked_up = " not looked up by it (this account has no field for it),"
            elif find_marked(person, mapping, draft.body, marker) != remote_id:
                why = f"the record {remote_id} is not found by its marker {marker}: a lost create would stay unknown"
                findings.append(error(about, why, _report_command(mapping)))
    except FAILED as refusal:
        findings.append(error(about, f"a record cannot be created and read back: {refusal}", fix))
    for made, made_id in reversed(person.made):
        try:
            assert made.endpoints.archive is not None  # noqa: S101 - only removable objects are created
            person.ask(msgspec.structs.replace(made.endpoints.archive(made_id, person.facts), effect=True))
        except FAILED as refusal:
            findings.append(error(about, f"the record {made_id} cannot be removed: {refusal}", fix))
    passed = (
        f"{mapping.object}: the record {remote_id}, marked {marker}, was written, read back,{looked_up} and removed"
    )
    report.add(findings, passed)


def _unique_email(marker: str) -> dict[str, Any]:
    """Return what makes a person unique in the account."""
    return {"emails": [{"address": f"{marker}@example.com"}]}
