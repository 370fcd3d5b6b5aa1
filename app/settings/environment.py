"""Read all settings once at start, from the environment and from `lockstitch.toml`.

Environment variables (LOCKSTITCH_…) configure the process and its secrets. The file names connections and systems of
record and holds no secrets; `lockstitch.example.toml` shows all of it. A process with a bad value does not start:
SettingsError lists every complaint with its variable or its place in the file, and never contains a secret.
"""

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, get_args

import msgspec

from app.settings.briefs import Brief, Responsible, briefs_folder, read_briefs, responsible_of
from app.settings.connections import check_base_url
from app.settings.egress import EgressRule, parse_egress_rules
from app.settings.file import ConfigFile, FileSettings, read_config_file
from app.settings.reading import FILE, SettingsError, is_reference, read_secret_file
from canonical.parts import ObjectName

T = TypeVar("T")

LogLevel = Literal["debug", "info", "warning", "error"]

DEFAULT_CONFIG_FILE = Path("lockstitch.toml")

DEFAULT_ENVIRONMENT = "dev"
"""The name of an environment that has none: `lockstitch dev` needs no setting."""
REHEARSALS = ("dev", "test", "stag", "qa", "uat", "ci", "demo", "sandbox", "local", "preview")
"""How the names of environments begin whose connections are to test accounts."""

JAEGER = "http://127.0.0.1:16686/trace/{trace_id}"
EXPORT_SPANS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

# Standard Webhooks recommends about ten attempts within about three days.
_MINUTE, _HOUR = 60.0, 3600.0
DELIVERY_LADDER = (
    *(5.0, 1 * _MINUTE, 5 * _MINUTE, 30 * _MINUTE),
    *(2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)


OF_ONE_PROCESS = frozenset(
    {"host", "port", "worker_port", "probe_port", "max_connections", "header_timeout_seconds"}
    | {"body_idle_timeout_seconds", "body_timeout_seconds", "upload_timeout_seconds", "http2", "emulators_port"}
    | {"data_dir", "database_url", "public_url", "encryption_keys", "trace_url", "trace_sql", "log_level", "dev"}
    | {"config_file"}
)
"""The settings that may differ between processes of one installation. The ids of encryption keys are compared apart."""


class EncryptionKey(NamedTuple):
    """A key for data at rest: its id, which is stored with every ciphertext, and 256 bits for AES-256-GCM."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"EncryptionKey(id={self.id!r})"


class Settings(FileSettings, frozen=True, kw_only=True):
    """All settings: those of the file, and of the environment. Each of the latter names its variable and default."""

    host: str
    """Address that the API and the worker listen on (LOCKSTITCH_HOST, 127.0.0.1)."""
    port: int
    """Port of the API (LOCKSTITCH_PORT, 8080)."""
    worker_port: int
    """Port of the worker's /health and /metrics (LOCKSTITCH_WORKER_PORT, 8081)."""
    probe_port: int
    """Port of the API's own listener for /health and /metrics, 0 for none (LOCKSTITCH_PROBE_PORT, 8082; 0 in dev)."""
    max_connections: int
    """Connections that a process accepts on its port at once (LOCKSTITCH_MAX_CONNECTIONS, 8192)."""
    header_timeout_seconds: int
    """How long the headers of a request may take, and how long a connection may be idle before the next request
    (LOCKSTITCH_HEADER_TIMEOUT, 10)."""
    body_idle_timeout_seconds: int
    """How long a body may stop, in either direction (LOCKSTITCH_BODY_IDLE_TIMEOUT, 30)."""
    body_timeout_seconds: int
    """How long a request body may take (LOCKSTITCH_BODY_TIMEOUT, 60)."""
    upload_timeout_seconds: int
    """How long an export may take, and an answer (LOCKSTITCH_UPLOAD_TIMEOUT, 600)."""
    http2: bool
    """Whether cleartext HTTP/2 is enabled in addition to HTTP/1.1 (LOCKSTITCH_HTTP2)."""
    emulators_port: int
    """Port of the vendor emulators, used by `lockstitch dev` (LOCKSTITCH_EMULATORS_PORT, 8090)."""
    data_dir: Path
    """Absolute path of the data folder of `lockstitch dev` (LOCKSTITCH_DATA_DIR, .lockstitch)."""
    database_url: str | None
    """PostgreSQL 15 or later (LOCKSTITCH_DATABASE_URL, or `file:/path` to it). Without it, `lockstitch dev` runs an
    embedded one."""
    public_url: str
    """URL at which callers reach the API, no trailing slash (LOCKSTITCH_PUBLIC_URL, http://127.0.0.1:<port>)."""
    encryption_keys: tuple[EncryptionKey, ...]
    """Keys of data at rest. The first encrypts, all decrypt (LOCKSTITCH_ENCRYPTION_KEYS, `id:base64,…`, or
    `file:/path` to it)."""
    rate_limit_per_minute: int
    """Calls per minute and API key, 0 for no limit (LOCKSTITCH_RATE_LIMIT_PER_MINUTE, 600; 0 in dev)."""
    rate_limit_burst: int
    """Calls that an idle key may make at once (LOCKSTITCH_RATE_LIMIT_BURST, 200)."""
    operation_retention_days: int
    """Days to keep a settled operation and its recorded answer (LOCKSTITCH_OPERATION_RETENTION_DAYS, 7)."""
    operation_lease_seconds: int
    """Seconds that an owner may work on an operation before a worker takes over (LOCKSTITCH_OPERATION_LEASE, 45).
    Longer than one attempt at a write, which may take at most two thirds of it."""
    job_lease_seconds: int
    """Seconds after which the job of an unresponsive worker is given to another (LOCKSTITCH_JOB_LEASE, 30)."""
    settle_margin_seconds: int
    """Seconds after sending during which a vendor may still process a request whose reply was lost
    (LOCKSTITCH_SETTLE_MARGIN, 15)."""
    resend_margin_seconds: int
    """Seconds during which a record must be absent from the vendor's list before a lost write is sent once more
    (LOCKSTITCH_RESEND_MARGIN, 600)."""
    approval_seconds: int
    """Seconds that a write waits for an approval, at most 90 days (LOCKSTITCH_APPROVAL_SECONDS, 604800: 7 days)."""
    trace_url: str | None
    """URL of a trace for people, with `{trace_id}` for its id (LOCKSTITCH_TRACE_URL). Default is a Jaeger on this
    machine if spans are exported, else None."""
    trace_sql: bool
    """Whether each query to the database is a span (LOCKSTITCH_TRACE_SQL, 0)."""
    log_level: LogLevel
    """Lowest level that is logged (LOCKSTITCH_LOG_LEVEL, info)."""
    environment: str
    """The name of this installation, such as prod or staging (LOCKSTITCH_ENVIRONMENT, dev). Its database and keys carry
    it; those of another environment are refused."""
    dev: bool
    """Whether `lockstitch dev` started this process (LOCKSTITCH_DEV)."""
    config_file: Path | None
    """The file that was read: LOCKSTITCH_CONFIG, else ./lockstitch.toml if it exists."""
    queued_writes: frozenset[ObjectName]
    """Objects whose writes are always queued."""
    egress_allow: tuple[EgressRule, ...]
    """Further addresses that deliveries may go to: not public, not https, or not on a usual port
    (LOCKSTITCH_EGRESS_ALLOW, `CIDR:port` separated by commas; it replaces the list in the file)."""
    delivery_ladder: tuple[float, ...]
    """Seconds between delivery attempts; n pauses make n + 1 attempts (LOCKSTITCH_DELIVERY_LADDER, separated by
    commas; 5 s to a day, 75 hours in all)."""
    delivery_timeout_seconds: int
    """Seconds that a target has to answer (LOCKSTITCH_DELIVERY_TIMEOUT, 15)."""
    briefs: dict[str, Brief]
    """The briefs of integrations, from the folder `integrations` next to the configuration file."""

    @property
    def responsible(self) -> Mapping[str, tuple[Responsible, ...]]:
        """Who is responsible for each connection, and for each secret of the vault, by the briefs."""
        return responsible_of(self.briefs, {name: one.credentials for name, one in self.connections.items()})

    @property
    def realms(self) -> Mapping[str, str]:
        """The realm of each connection that names one."""
        return {name: one.realm for name, one in self.connections.items() if one.realm is not None}

    @property
    def secret_references(self) -> tuple[str, ...]:
        """Every reference to a secret, sorted."""
        alerts = self.alerts
        return tuple(
            sorted(
                {reference for one in self.connections.values() for reference in one.credentials.values()}
                | {secret.secret for one in self.connections.values() for secret in one.webhook_secrets}
                | {url for url in (alerts.url, alerts.heartbeat_url) if url and is_reference(url)}
                | ({alerts.smtp.password} if alerts.smtp and alerts.smtp.password else set())
            )
        )

    @property
    def vault_names(self) -> tuple[str, ...]:
        """The names of the secrets of the vault that the configuration refers to."""
        return tuple(each.removeprefix("vault:") for each in self.secret_references if each.startswith("vault:"))

    @property
    def shared_digest(self) -> str:
        """A digest of the settings that must be the same on every host."""
        shared = {name: getattr(self, name) for name in self.__struct_fields__ if name not in OF_ONE_PROCESS}
        return hashlib.sha256(msgspec.json.encode(shared, enc_hook=str, order="deterministic")).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Settings(public_url={self.public_url!r}, connections={sorted(self.connections)})"


def is_production(environment: str) -> bool:
    """Return whether an environment's connections are to live accounts: it is not named as one for tests."""
    return not environment.startswith(REHEARSALS)


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Read the environment and the configuration file. Raises SettingsError with every complaint at once."""
    read = _Reader(environment)
    port = read("LOCKSTITCH_PORT", _port, 8080)
    dev = read("LOCKSTITCH_DEV", _flag, False)
    config_file = read("LOCKSTITCH_CONFIG", Path, DEFAULT_CONFIG_FILE if DEFAULT_CONFIG_FILE.exists() else None)
    try:
        content = read_config_file(config_file)
    except SettingsError as error:
        read.complaints.append(str(error))
        content = ConfigFile()
    briefs: dict[str, Brief] = {}
    try:
        briefs = read_briefs(briefs_folder(config_file))
    except SettingsError as error:
        read.complaints.append(str(error))
    settings = Settings(
        **{name: getattr(content, name) for name in FileSettings.__struct_fields__},
        host=read("LOCKSTITCH_HOST", str, "127.0.0.1"),
        port=port,
        worker_port=read("LOCKSTITCH_WORKER_PORT", _port, 8081),
        probe_port=read("LOCKSTITCH_PROBE_PORT", _port_or_none, 0 if dev else 8082),
        max_connections=read("LOCKSTITCH_MAX_CONNECTIONS", _connections, 8192),
        header_timeout_seconds=read("LOCKSTITCH_HEADER_TIMEOUT", _seconds, 10),
        body_idle_timeout_seconds=read("LOCKSTITCH_BODY_IDLE_TIMEOUT", _seconds, 30),
        body_timeout_seconds=read("LOCKSTITCH_BODY_TIMEOUT", _seconds, 60),
        upload_timeout_seconds=read("LOCKSTITCH_UPLOAD_TIMEOUT", _seconds, 600),
        http2=read("LOCKSTITCH_HTTP2", _flag, False),
        emulators_port=read("LOCKSTITCH_EMULATORS_PORT", _port, 8090),
        data_dir=read("LOCKSTITCH_DATA_DIR", Path, Path(".lockstitch")).absolute(),
        database_url=read("LOCKSTITCH_DATABASE_URL", _in_file(_database_url), None),
        public_url=read("LOCKSTITCH_PUBLIC_URL", check_base_url, f"http://127.0.0.1:{port}"),
        encryption_keys=read("LOCKSTITCH_ENCRYPTION_KEYS", _in_file(_encryption_keys), ()),
        rate_limit_per_minute=read("LOCKSTITCH_RATE_LIMIT_PER_MINUTE", _count, 0 if dev else 600),
        rate_limit_burst=read("LOCKSTITCH_RATE_LIMIT_BURST", _count, 200),
        operation_retention_days=read("LOCKSTITCH_OPERATION_RETENTION_DAYS", _days, 7),
        operation_lease_seconds=read("LOCKSTITCH_OPERATION_LEASE", _seconds, 45),
        job_lease_seconds=read("LOCKSTITCH_JOB_LEASE", _seconds, 30),
        settle_margin_seconds=read("LOCKSTITCH_SETTLE_MARGIN", _seconds, 15),
        resend_margin_seconds=read("LOCKSTITCH_RESEND_MARGIN", _seconds, 600),
        approval_seconds=read("LOCKSTITCH_APPROVAL_SECONDS", _approval_seconds, 604_800),
        trace_url=read("LOCKSTITCH_TRACE_URL", _trace_url, JAEGER if any(map(environment.get, EXPORT_SPANS)) else None),
        trace_sql=read("LOCKSTITCH_TRACE_SQL", _flag, False),
        log_level=read("LOCKSTITCH_LOG_LEVEL", _log_level, "info"),
        environment=read("LOCKSTITCH_ENVIRONMENT", environment_name, DEFAULT_ENVIRONMENT),
        dev=dev,
        config_file=config_file,
        queued_writes=frozenset(name for name, write in content.writes.items() if write.mode == "queued"),
        egress_allow=read("LOCKSTITCH_EGRESS_ALLOW", _egress_allow, _egress_of(content, read.complaints)),
        delivery_ladder=read("LOCKSTITCH_DELIVERY_LADDER", _ladder, DELIVERY_LADDER),
        delivery_timeout_seconds=read("LOCKSTITCH_DELIVERY_TIMEOUT", _timeout, 15),
        briefs=briefs,
    )
    if read.complaints:
        raise SettingsError("\n".join(read.complaints))
    return settings


def require_for_serving(settings: Settings) -> tuple[str, tuple[EncryptionKey, ...]]:
    """Return the database URL and the encryption keys, which `serve` and `worker` require. Raises SettingsError."""
    complaints = []
    if settings.database_url is None:
        complaints.append(
            "LOCKSTITCH_DATABASE_URL is not set: set it to a PostgreSQL (15 or later), or run `lockstitch dev`."
        )
    if not settings.encryption_keys:
        complaints.append(
            "LOCKSTITCH_ENCRYPTION_KEYS is not set: set it to `<id>:<32 bytes in base64>`,"
            " for example k1:$(head -c 32 /dev/urandom | base64)."
        )
    if settings.database_url is None or complaints:
        raise SettingsError("\n".join(complaints))
    return settings.database_url, settings.encryption_keys


class _Reader:
    """Reads variables one by one and collects the complaints, so that an operator sees all of them at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.complaints: list[str] = []

    def __call__(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """Return the parsed value, or the default if the variable is unset or empty. A bad value adds a complaint."""
        value = self._environment.get(name, "")
        if not value:
            return default
        try:
            return parse(value)
        except SettingsError as error:
            self.complaints.append(f"{name} {error}")
            return default


def _egress_allow(value: str) -> tuple[EgressRule, ...]:
    return parse_egress_rules(entry for entry in value.split(",") if entry.strip())


def _egress_of(content: ConfigFile, complaints: list[str]) -> tuple[EgressRule, ...]:
    try:
        return parse_egress_rules(content.egress.allow)
    except SettingsError as error:
        complaints.append(f"[egress] allow {error}")
        return ()


def _ladder(value: str) -> tuple[float, ...]:
    steps = [step.strip() for step in value.split(",")]
    if len(steps) > 30 or not all(re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", step) for step in steps):
        raise SettingsError(f"is {value!r}: it must be 1 to 30 numbers of seconds separated by commas: 5,60,300.")
    return tuple(float(step) for step in steps)


def _whole(least: int, most: int, wanted: str) -> Callable[[str], int]:
    """Return what parses a whole number in these limits."""

    def parse(value: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", value) is None or not least <= int(value) <= most:
            raise SettingsError(f"is {value!r}: it must be {wanted}.")
        return int(value)

    return parse


_timeout = _whole(1, 30, "a number of seconds from 1 to 30")
_port = _whole(1, 65535, "a port from 1 to 65535")
_port_or_none = _whole(0, 65535, "a port from 1 to 65535, or 0 for none")
_connections = _whole(16, 100_000, "a number from 16 to 100000")
_count = _whole(0, 1_000_000, "a number from 0 to 1000000")
_seconds = _whole(1, 3600, "a number of seconds from 1 to 3600")
_approval_seconds = _whole(1, 7_776_000, "a number of seconds from 1 to 7776000 (90 days)")
_days = _whole(1, 3650, "a number of days from 1 to 3650")


def _flag(value: str) -> bool:
    if value not in ("0", "1"):
        raise SettingsError(f"is {value!r}: it must be 0 or 1.")
    return value == "1"


def _trace_url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or value.count("{trace_id}") != 1:
        raise SettingsError("must be an http or https URL that contains {trace_id} once.")
    return value


def _log_level(value: str) -> LogLevel:
    for level in get_args(LogLevel):
        if value.lower() == level:
            return level  # type: ignore[no-any-return]
    raise SettingsError(f"is {value!r}: it must be one of {', '.join(get_args(LogLevel))}.")


def environment_name(value: str) -> str:
    """Return the name of an environment. Raises SettingsError if it is none."""
    # Keys carry the name between underscores, so it has none.
    if re.fullmatch(r"[a-z][a-z0-9-]{0,30}", value) is None:
        raise SettingsError(f"is {value!r}: it must be a name of a-z, 0-9 and -, such as prod, at most 31 characters.")
    return value


def _in_file(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return what parses a value, or the content of the file that it refers to."""

    def read(value: str) -> T:
        try:
            value = read_secret_file(value) if value.startswith(FILE) else value
        except SettingsError as error:
            raise SettingsError(f"is {value}: {error}") from None
        return parse(value)

    return read


def _database_url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        raise SettingsError("must start with postgresql:// (not shown, because it may contain a password).")
    return value


def _encryption_keys(value: str) -> tuple[EncryptionKey, ...]:
    keys = tuple(_encryption_key(part.strip()) for part in value.split(","))
    if len({key.id for key in keys}) < len(keys):
        raise SettingsError("contains a key id twice.")
    return keys


def _encryption_key(part: str) -> EncryptionKey:
    key_id, _, encoded = part.partition(":")
    try:
        key = b64decode(encoded, altchars="-_" if set("-_") & set(encoded) else None, validate=True)
    except binascii.Error:
        key = b""
    if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", key_id) is None or len(key) != 32:
        raise SettingsError("must be `id:key`, or several separated by commas. A key is 32 bytes in base64.")
    return EncryptionKey(key_id, key)
