"""`lockstitch.toml`: connections, systems of record, and references to secrets, which are stored elsewhere."""

import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from msgspec import Meta, Struct, field

from app.errors import Complaint
from app.settings.alerts import ALERT_URL, AlertSettings
from app.settings.connections import ConnectionSettings, read_connection
from app.settings.consumers import ConsumerSettings, complaints_about
from app.settings.drift import DriftSettings
from app.settings.ownership import ObjectOwnership, Ownership, read_ownership, without_owners
from app.settings.pull import PullRule
from app.settings.reading import PLURALS, SettingsError, convert, is_reference, require_reference
from app.settings.reconcile import ReconcileRule
from canonical.parts import ObjectName

T = TypeVar("T")

TABLES = (
    *("connections", "systems_of_record", "ownership", "consumers", "writes", "links", "egress", "alerts"),
    *("retention", "drift", "pull", "reconcile"),
)


class WriteSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How writes of one object run: `direct` while the caller waits, or `queued`."""

    mode: Literal["direct", "queued"] = "direct"


class LinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pairs of connections whose customers with the same e-mail address are joined without review."""

    auto_join: tuple[tuple[str, str], ...] = ()


class EgressSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses that deliveries may go to although they are not public, as `CIDR:port`."""

    allow: tuple[str, ...] = ()


Days: TypeAlias = Annotated[int, Meta(ge=1, le=3650)]


class RetentionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days to keep things after they have ended. Operations have LOCKSTITCH_OPERATION_RETENTION_DAYS instead.

    Receipts detect duplicates, so they must outlive the time during which vendors retry: up to three days for known
    vendors, and longer when a person resends by hand.
    """

    receipts: Annotated[int, Meta(ge=7, le=3650)] = 30
    events: Days = 30
    deliveries: Days = 14
    attempts: Days = 30
    dead_letters: Days = 90  # those that were redriven or discarded; open ones are kept
    runs: Days = 30
    match_keys: Annotated[int, Meta(ge=30, le=3650)] = 365  # since the customer was last seen, which is noted weekly


class FileSettings(Struct, frozen=True, kw_only=True):
    """The settings of the file that are used as they are written."""

    connections: dict[str, ConnectionSettings] = field(default_factory=dict)
    """Connections by name."""
    systems_of_record: dict[ObjectName, str] = field(default_factory=dict)
    """The connection that owns each object. It answers calls that name no connection."""
    ownership: Ownership = field(default_factory=without_owners)
    """Who owns each field, and who may write it."""
    consumers: tuple[ConsumerSettings, ...] = ()
    """The connections to which changes are copied."""
    links: LinkSettings = LinkSettings()
    """Which connections' customers are joined without review."""
    alerts: AlertSettings = AlertSettings()
    """Where alarms are sent."""
    retention: RetentionSettings = RetentionSettings()
    """How long ended things are kept."""
    drift: DriftSettings = DriftSettings()
    """How closely records are checked for drift."""
    pull: PullRule = PullRule()
    """How often changes are read, where neither the connection nor its object says so."""
    reconcile: ReconcileRule = ReconcileRule()
    """How often all records are compared, where neither the connection nor its object says so."""


class ConfigFile(FileSettings, frozen=True, kw_only=True):
    """The validated content of the file."""

    writes: dict[ObjectName, WriteSettings] = field(default_factory=dict)
    egress: EgressSettings = EgressSettings()


def read_config_file(path: Path | None) -> ConfigFile:
    """Read and validate the file. Without a file, all is default. Raises SettingsError with every complaint at once."""
    if path is None:
        return ConfigFile()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path} cannot be read.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None

    reading = _Reading(path, content)
    read = ConfigFile(
        connections=reading.connections(),
        systems_of_record=reading.systems_of_record(),
        ownership=reading.ownership(),
        consumers=reading.consumers(),
        writes=reading.writes(),
        links=reading.links(),
        egress=reading.table("egress", EgressSettings),
        alerts=reading.alerts(),
        retention=reading.table("retention", RetentionSettings),
        drift=reading.table("drift", DriftSettings),
        pull=reading.table("pull", PullRule),
        reconcile=reading.table("reconcile", ReconcileRule),
    )
    if reading.complaints:
        raise SettingsError("\n".join(reading.complaints))
    return read


class _Reading:
    """Reads the file table by table. Collects complaints and skips invalid parts, so that all are reported at once."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content
        self.complaints = [
            f"{path}: unknown table [{name}]; the tables are {', '.join(TABLES)}."
            for name in content
            if name not in TABLES
        ]

    def connections(self) -> dict[str, ConnectionSettings]:
        """Return the valid connections by name."""
        read = {
            name: self.attempt(partial(read_connection, name, table), f"[connections.{name}]")
            for name, table in _table_of(self._content, "connections").items()
        }
        return {name: connection for name, connection in read.items() if connection is not None}

    def systems_of_record(self) -> dict[ObjectName, str]:
        """Return the connection that owns each object."""
        declared = _table_of(self._content, "connections")
        owners: dict[ObjectName, str] = {}
        for plural, owner in self._by_object("systems_of_record"):
            if isinstance(owner, str) and owner in declared:
                owners[PLURALS[plural]] = owner
            else:
                self._complain(f"[systems_of_record] {plural} names {owner!r}, which is not a connection.")
        return owners

    def ownership(self) -> Ownership:
        """Return the ownership of every object; without a table, its connection in `systems_of_record` owns it."""
        tables = dict(self._by_object("ownership"))
        connections, owners = _table_of(self._content, "connections"), _table_of(self._content, "systems_of_record")
        read: dict[ObjectName, ObjectOwnership] = {}
        for plural, name in PLURALS.items():
            owner = owners.get(plural)
            one = self.attempt(
                partial(
                    read_ownership,
                    *(name, tables.get(plural, {})),
                    system_of_record=owner if isinstance(owner, str) and owner in connections else None,
                    connections=connections,
                ),
                f"[ownership.{plural}]",
            )
            if one is not None:
                read[name] = one
        return read

    def writes(self) -> dict[ObjectName, WriteSettings]:
        """Return the write settings of each object that has any."""
        read = {
            PLURALS[plural]: self.attempt(partial(convert, table, WriteSettings), f"[writes.{plural}]")
            for plural, table in self._by_object("writes")
        }
        return {name: settings for name, settings in read.items() if settings is not None}

    def links(self) -> LinkSettings:
        """Return which connections' customers are joined without review."""
        read, declared = self.table("links", LinkSettings), _table_of(self._content, "connections")
        for pair in read.auto_join:
            unknown = [name for name in pair if name not in declared]
            if unknown:
                self._complain(f"[links] auto_join names {unknown[0]!r}, which is not a connection.")
            elif pair[0] == pair[1]:
                self._complain(f"[links] auto_join names {pair[0]} twice in one pair.")
            elif _realm_of(declared[pair[0]]) != _realm_of(declared[pair[1]]):
                self._complain(f"[links] auto_join names {' and '.join(pair)}, which are in different realms.")
        return read

    def consumers(self) -> tuple[ConsumerSettings, ...]:
        """Return the consumers."""
        content = self._content.get("consumers", [])
        read = self.attempt(partial(convert, content, tuple[ConsumerSettings, ...]), "[[consumers]]") or ()
        for complaint in complaints_about(read, list(_table_of(self._content, "connections"))):
            self._complain(complaint)
        return read

    def alerts(self) -> AlertSettings:
        """Return where alarms are sent."""
        read = self.table("alerts", AlertSettings)
        self.attempt(partial(_check_alerts, read), "[alerts]")
        return read

    def table(self, name: str, shape: type[T]) -> T:
        """Return a table as a Struct, or its defaults if it is invalid."""
        read = self.attempt(partial(convert, self._content.get(name, {}), shape), f"[{name}]")
        return shape() if read is None else read

    def attempt(self, read: Callable[[], T], where: str) -> T | None:
        """Return the result of `read`. If it raises Complaint, such as SettingsError, add it and return None."""
        try:
            return read()
        except Complaint as error:
            self._complain(f"{where} {error}")
            return None

    def _by_object(self, name: str) -> Iterator[tuple[str, Any]]:
        for plural, value in _table_of(self._content, name).items():
            if plural in PLURALS:
                yield plural, value
            else:
                self._complain(f"[{name}] has unknown object {plural}; use {', '.join(PLURALS)}.")

    def _complain(self, sentence: str) -> None:
        self.complaints.append(f"{self._path}: {sentence}")


def _table_of(content: dict[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    return table if isinstance(table, dict) else {"": table}


def _realm_of(table: Any) -> Any:
    return table.get("realm") if isinstance(table, dict) else None


def _check_alerts(alerts: AlertSettings) -> None:
    for name, url in (("url", alerts.url), ("heartbeat_url", alerts.heartbeat_url)):
        if url is not None and not is_reference(url) and ALERT_URL.fullmatch(url) is None:
            raise SettingsError(
                f"{name} must be an http or https URL, or a reference: env:NAME, file:/path, vault:NAME, aws:NAME."
            )
    smtp = alerts.smtp
    if smtp is None:
        return
    if not smtp.to:
        raise SettingsError("smtp.to is empty: name at least one address.")
    if (smtp.username is None) != (smtp.password is None):
        raise SettingsError("smtp needs both username and password, or neither.")
    if smtp.password is not None:
        require_reference("smtp.password", smtp.password)
    if smtp.password is not None and smtp.tls == "none":
        raise SettingsError("smtp would send its password in clear text: set tls to starttls or implicit.")
