"""`lockstitch.toml`: the connections, the systems of record, and references to secrets that are kept elsewhere."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from app.errors import Complaint
from app.settings.drift import DriftRule
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.csv.layout import Layout, LayoutError, LayoutSetting, make_layout

T = TypeVar("T")

# The file speaks of objects as the URLs do.
PLURALS: dict[str, ObjectName] = {"customers": "customer", "orders": "order", "tickets": "ticket"}

CONNECTION_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
SECRET_REFERENCE = re.compile(r"(env|file):\S+")
ALERT_URL = re.compile(r"https?://[^/?#\s]+([/?][^#\s]*)?")
TABLES = ("connections", "systems_of_record", "writes", "egress", "alerts", "retention", "drift")


class SettingsError(Complaint):
    """Lockstitch cannot start as it is set up; the message is for the operator, a line for each complaint."""


class PacingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit in place of the vendor's published one: `units` in any `per_seconds`, `concurrency` requests at once."""

    units: Annotated[float, Meta(gt=0)]
    per_seconds: Annotated[float, Meta(gt=0)]
    concurrency: Annotated[int, Meta(ge=1)] = 8


class WebhookSecretSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A secret that a connection's webhooks are signed with: a reference, and while it counts. Rotation gives two."""

    secret: str
    not_before: datetime | None = None
    not_after: datetime | None = None


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """One authorised account at a vendor.

    `credentials` maps the names that the vendor's manifest asks for (`token`, `email` …) to references, never to
    values: `resolve_secret` turns one into the other. `base_url` has no trailing slash; None is the vendor's own.
    `pending`: its webhooks are being set up, so that an unsigned ping by which a vendor looks for us is answered.
    `csv` is how the exports are laid out that are uploaded in its place; None for a vendor that is not `csv`.
    """

    name: str
    vendor: str
    base_url: str | None
    credentials: dict[str, str]
    custom_fields: dict[ObjectName, tuple[CustomFieldSetting, ...]]
    pacing: PacingSettings | None
    webhook_secrets: tuple[WebhookSecretSettings, ...]
    pending: bool
    drift: tuple[DriftRule, ...] = ()
    csv: Layout | None = None

    @property
    def only_takes_webhooks(self) -> bool:
        """Whether an operator gave what proves the vendor's webhooks, and nothing that the vendor is called with."""
        calls = self.base_url or self.credentials or self.custom_fields or self.pacing
        return bool(self.webhook_secrets or self.pending) and not calls


class _ConnectionTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[connections.<name>]` as it stands in the file."""

    vendor: str
    base_url: str | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    custom_fields: dict[str, tuple[CustomFieldSetting, ...]] = field(default_factory=dict)
    pacing: PacingSettings | None = None
    webhook_secrets: tuple[str | WebhookSecretSettings, ...] = ()
    pending: bool = False
    drift: tuple[DriftRule, ...] = ()
    csv: LayoutSetting | None = None


class WriteSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How writes of one object are carried out: `direct` while the caller waits, or `queued`, always in turn."""

    mode: Literal["direct", "queued"] = "direct"


class EgressSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses that are not public and may be delivered to all the same, as `CIDR:port`."""

    allow: tuple[str, ...] = ()


class SmtpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alarms are mailed. `password` is a reference; `tls` is the way in which the connection is secured. Nothing
    else is given for a server that asks for no password."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: str | None = None
    password: str | None = None


class AlertSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an operator is told of trouble, beside everything that may itself be in trouble.

    `url` gets a POST for each alarm; `heartbeat_url` a GET every `heartbeat_seconds` while all is well, for a dead
    man's switch. Both are addresses, or references to them, as an address is often a secret itself. An alarm that lasts
    is told again after `repeat_minutes`. A job that could start and does not is late after `job_lag_seconds`.
    """

    url: str | None = None
    smtp: SmtpSettings | None = None
    heartbeat_url: str | None = None
    heartbeat_seconds: Annotated[int, Meta(ge=5, le=3600)] = 60
    repeat_minutes: Annotated[int, Meta(ge=1, le=10080)] = 60
    job_lag_seconds: Annotated[int, Meta(ge=10, le=86400)] = 600


Days: TypeAlias = Annotated[int, Meta(ge=1, le=3650)]


class RetentionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days things are kept after they have ended. Operations have a variable of their own.

    A receipt is what makes a late copy a copy, so it has to outlive the time for which vendors repeat: of those that we
    know up to three days, and more where a person repeats by hand.
    """

    receipts: Annotated[int, Meta(ge=7, le=3650)] = 30
    events: Days = 30
    deliveries: Days = 14
    attempts: Days = 30
    dead_letters: Days = 90  # those that were redriven or discarded; an open one stays
    runs: Days = 30


class DriftSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How closely records are watched for changes at the vendor.

    `sample_rate` of them are looked at, fewer of those above 4 KiB, and all that could not be read; 0 looks at these
    alone. What the first `learn_records` of a mapping revision on a connection say is no news, nor what comes within
    `learn_hours` of the first one, whichever ends sooner.
    """

    sample_rate: Annotated[float, Meta(ge=0, le=1)] = 0.05
    learn_records: Annotated[int, Meta(ge=1, le=100_000)] = 100
    learn_hours: Annotated[int, Meta(ge=1, le=8760)] = 24


class ConfigFile(Struct, frozen=True, kw_only=True):
    """What the file says, checked."""

    connections: dict[str, ConnectionSettings] = field(default_factory=dict)
    systems_of_record: dict[ObjectName, str] = field(default_factory=dict)
    writes: dict[ObjectName, WriteSettings] = field(default_factory=dict)
    egress: EgressSettings = EgressSettings()
    alerts: AlertSettings = AlertSettings()
    retention: RetentionSettings = RetentionSettings()
    drift: DriftSettings = DriftSettings()


def read_config_file(path: Path | None) -> ConfigFile:
    """The file's content; nothing without a file. Raises SettingsError with every complaint at once."""
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
        writes=reading.writes(),
        egress=reading.table("egress", EgressSettings),
        alerts=reading.alerts(),
        retention=reading.table("retention", RetentionSettings),
        drift=reading.table("drift", DriftSettings),
    )
    if reading.complaints:
        raise SettingsError("\n".join(reading.complaints))
    return read


class _Reading:
    """The file, table by table. What is wrong is noted and left out, so that everything is told at once."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content
        self.complaints = [
            f"{path}: there is no table [{name}]; there are {', '.join(TABLES)}."
            for name in content
            if name not in TABLES
        ]

    def connections(self) -> dict[str, ConnectionSettings]:
        """Every connection that is understood, by name."""
        read = {
            name: self.hear(partial(_read_connection, name, table), f"[connections.{name}]")
            for name, table in _table_of(self._content, "connections").items()
        }
        return {name: connection for name, connection in read.items() if connection is not None}

    def systems_of_record(self) -> dict[ObjectName, str]:
        """The connection that owns each object."""
        declared = _table_of(self._content, "connections")
        owners: dict[ObjectName, str] = {}
        for plural, owner in self._by_object("systems_of_record"):
            if isinstance(owner, str) and owner in declared:
                owners[PLURALS[plural]] = owner
            else:
                self._complain(f"[systems_of_record] {plural} names {owner!r}, which is no connection.")
        return owners

    def writes(self) -> dict[ObjectName, WriteSettings]:
        """How each object is written, where the file says it."""
        read = {
            PLURALS[plural]: self.hear(partial(_convert, table, WriteSettings), f"[writes.{plural}]")
            for plural, table in self._by_object("writes")
        }
        return {name: settings for name, settings in read.items() if settings is not None}

    def alerts(self) -> AlertSettings:
        """Where an operator is told of trouble."""
        read = self.table("alerts", AlertSettings)
        self.hear(partial(_check_alerts, read), "[alerts]")
        return read

    def table(self, name: str, shape: type[T]) -> T:
        """A table of one shape, its defaults where it is not understood."""
        read = self.hear(partial(_convert, self._content.get(name, {}), shape), f"[{name}]")
        return shape() if read is None else read

    def hear(self, read: Callable[[], T], where: str) -> T | None:
        """What is read; None, and a complaint, where it cannot be."""
        try:
            return read()
        except SettingsError as error:
            self._complain(f"{where} {error}")
            return None

    def _by_object(self, name: str) -> Iterator[tuple[str, Any]]:
        for plural, value in _table_of(self._content, name).items():
            if plural in PLURALS:
                yield plural, value
            else:
                self._complain(f"[{name}] knows {', '.join(PLURALS)}, not {plural}.")

    def _complain(self, sentence: str) -> None:
        self.complaints.append(f"{self._path}: {sentence}")


def resolve_secret(reference: str, environment: Mapping[str, str]) -> str:
    """The value that `env:NAME` or `file:/path` (less a final newline) stands for.

    Raises SettingsError, which names the reference, never a value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and environment.get(name):
        return environment[name]
    if kind == "env":
        raise SettingsError(f"The environment variable {name} is not set, and {reference} is referred to.")
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"The file {name} cannot be read, and {reference} is referred to.") from None
    raise SettingsError("A credential must be a reference: env:NAME or file:/path.")


def check_base_url(value: str) -> str:
    """An http(s) URL without its trailing slash. Raises SettingsError."""
    if re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", value) is None:
        raise SettingsError(f"is {value!r}: it must be an http or https URL without query.")
    return value.rstrip("/")


def _table_of(content: dict[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    return table if isinstance(table, dict) else {"": table}


def _read_connection(name: str, table: Any) -> ConnectionSettings:
    if CONNECTION_NAME.fullmatch(name) is None:
        raise SettingsError("must be named with a-z, 0-9, - and _, starting with a letter: the name stands in URLs.")
    read = _convert(table, _ConnectionTable)
    for credential, reference in read.credentials.items():
        _require_reference(f"credentials.{credential}", reference)
    webhook_secrets = tuple(
        WebhookSecretSettings(secret=given) if isinstance(given, str) else given for given in read.webhook_secrets
    )
    for number, given in enumerate(webhook_secrets):
        _require_reference(f"webhook_secrets[{number}]", given.secret)
        if any(edge is not None and edge.utcoffset() is None for edge in (given.not_before, given.not_after)):
            raise SettingsError(f"webhook_secrets[{number}] is limited by a time without a zone.")
    unknown = sorted(set(read.custom_fields) - set(PLURALS))
    if unknown:
        raise SettingsError(f"custom_fields knows {', '.join(PLURALS)}, not {', '.join(unknown)}.")
    try:
        base_url = None if read.base_url is None else check_base_url(read.base_url)
    except SettingsError as error:
        raise SettingsError(f"base_url {error}") from None
    return ConnectionSettings(
        name=name,
        vendor=read.vendor,
        base_url=base_url,
        credentials=read.credentials,
        custom_fields={PLURALS[plural]: fields for plural, fields in read.custom_fields.items()},
        pacing=read.pacing,
        webhook_secrets=webhook_secrets,
        pending=read.pending,
        drift=read.drift,
        csv=_layout_of(read),
    )


def _layout_of(read: _ConnectionTable) -> Layout | None:
    if read.vendor != "csv":
        if read.csv is not None:
            raise SettingsError(f"csv has no meaning: it is for the vendor csv, and this is {read.vendor}.")
        return None
    if read.csv is None:
        raise SettingsError("csv is missing: it says how the export is laid out.")
    for pointless in ("base_url", "credentials", "custom_fields", "pacing", "webhook_secrets", "pending", "drift"):
        if getattr(read, pointless):
            raise SettingsError(f"{pointless} has no meaning: an export is uploaded, nobody is called.")
    try:
        return make_layout(read.csv)
    except LayoutError as error:
        raise SettingsError(str(error)) from None


def _check_alerts(alerts: AlertSettings) -> None:
    for name, given in (("url", alerts.url), ("heartbeat_url", alerts.heartbeat_url)):
        if given is not None and SECRET_REFERENCE.fullmatch(given) is None and ALERT_URL.fullmatch(given) is None:
            raise SettingsError(f"{name} must be an http or https URL, or a reference to one: env:NAME or file:/path.")
    smtp = alerts.smtp
    if smtp is None:
        return
    if not smtp.to:
        raise SettingsError("smtp.to names nobody.")
    if (smtp.username is None) != (smtp.password is None):
        raise SettingsError("smtp needs both username and password, or neither.")
    if smtp.password is not None:
        _require_reference("smtp.password", smtp.password)
    if smtp.password is not None and smtp.tls == "none":
        raise SettingsError("smtp would send its password in the clear: set tls to starttls or implicit.")


def _convert(table: Any, shape: type[T]) -> T:
    try:
        return msgspec.convert(table, shape)
    except msgspec.ValidationError as error:
        raise SettingsError(f"is not understood: {error}.") from None


def _require_reference(place: str, given: str) -> None:
    if SECRET_REFERENCE.fullmatch(given) is None:
        raise SettingsError(f"{place} must be a reference, env:NAME or file:/path: secrets never stand in this file.")
