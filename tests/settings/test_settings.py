"""Settings: what is read, and that a bad value is named before anything starts."""

import re
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest

from app.settings.environment import load_settings, require_for_serving
from app.settings.reading import SettingsError, resolve_secret

ROOT = Path(__file__).parents[2]
KEY = bytes(range(32))
OTHER_KEY = bytes([255]) * 32
LAYOUT = """
[connections.old.csv]
object = "customers"
key = "No"
columns = [{ column = "Note", field = "notes" }]
"""

CONSUMER = "connections.crm.vendor = 'hubspot'\n[[consumers]]\nobject = 'customers'\n"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a lockstitch.toml of its own."""
    monkeypatch.chdir(tmp_path)


def test_everything_has_a_default() -> None:
    settings = load_settings({})

    assert (settings.host, settings.port, settings.worker_port, settings.emulators_port) == (
        "127.0.0.1",
        8080,
        8081,
        8090,
    )
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.data_dir == Path.cwd() / ".lockstitch"
    assert settings.database_url is None
    assert (settings.rate_limit_per_minute, settings.rate_limit_burst) == (600, 200)
    assert settings.connections == {}


def test_connections_and_bodies_have_limits() -> None:
    settings = load_settings({})
    assert (settings.probe_port, settings.max_connections, settings.http2) == (8082, 8192, False)
    assert (settings.header_timeout_seconds, settings.body_idle_timeout_seconds) == (10, 30)
    assert (settings.body_timeout_seconds, settings.upload_timeout_seconds) == (60, 600)


def test_there_is_no_listener_for_probes_in_dev_unless_one_is_named() -> None:
    assert load_settings({"LOCKSTITCH_DEV": "1"}).probe_port == 0
    assert load_settings({"LOCKSTITCH_DEV": "1", "LOCKSTITCH_PROBE_PORT": "9000"}).probe_port == 9000


def test_the_public_url_follows_the_port_and_loses_its_slash() -> None:
    assert load_settings({"LOCKSTITCH_PORT": "9000"}).public_url == "http://127.0.0.1:9000"
    named = load_settings({"LOCKSTITCH_PORT": "9000", "LOCKSTITCH_PUBLIC_URL": "https://seam.example.com/"})
    assert named.public_url == "https://seam.example.com"


def test_an_empty_variable_counts_as_unset() -> None:
    assert load_settings({"LOCKSTITCH_PORT": "", "LOCKSTITCH_DATABASE_URL": ""}) == load_settings({})


def test_there_is_no_rate_limit_in_dev_unless_one_is_named() -> None:
    assert load_settings({"LOCKSTITCH_DEV": "1"}).rate_limit_per_minute == 0
    named = load_settings({"LOCKSTITCH_DEV": "1", "LOCKSTITCH_RATE_LIMIT_PER_MINUTE": "5"})
    assert named.rate_limit_per_minute == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCKSTITCH_PORT", "http"),
        ("LOCKSTITCH_PORT", "0"),
        ("LOCKSTITCH_PORT", "65536"),
        ("LOCKSTITCH_WORKER_PORT", "8081.5"),
        ("LOCKSTITCH_EMULATORS_PORT", "-1"),
        ("LOCKSTITCH_PROBE_PORT", "65536"),
        ("LOCKSTITCH_MAX_CONNECTIONS", "0"),
        ("LOCKSTITCH_HEADER_TIMEOUT", "0"),
        ("LOCKSTITCH_BODY_IDLE_TIMEOUT", "1.5"),
        ("LOCKSTITCH_BODY_TIMEOUT", "1m"),
        ("LOCKSTITCH_UPLOAD_TIMEOUT", "3601"),
        ("LOCKSTITCH_HTTP2", "yes"),
        ("LOCKSTITCH_DEV", "yes"),
        ("LOCKSTITCH_LOG_LEVEL", "loud"),
        ("LOCKSTITCH_PUBLIC_URL", "seam.example.com"),
        ("LOCKSTITCH_PUBLIC_URL", "https://seam.example.com/?x=1"),
        ("LOCKSTITCH_RATE_LIMIT_PER_MINUTE", "-5"),
        ("LOCKSTITCH_OPERATION_RETENTION_DAYS", "0"),
        ("LOCKSTITCH_CONFIG", "/does/not/exist.toml"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({name: value})

    assert value in str(caught.value)
    assert name in str(caught.value) or name == "LOCKSTITCH_CONFIG"


def test_all_bad_values_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"LOCKSTITCH_PORT": "x", "LOCKSTITCH_WORKER_PORT": "y", "LOCKSTITCH_CONFIG": "missing.toml"})

    assert len(str(caught.value).splitlines()) == 3


def test_a_database_url_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError, match="LOCKSTITCH_DATABASE_URL") as caught:
        load_settings({"LOCKSTITCH_DATABASE_URL": "mysql://user:hunter2@db/x"})

    assert "hunter2" not in str(caught.value)


def test_encryption_keys_are_read_in_order_and_never_printed() -> None:
    text = f"new:{b64encode(OTHER_KEY).decode()}, old:{urlsafe_b64encode(KEY).decode()}"

    settings = load_settings({"LOCKSTITCH_ENCRYPTION_KEYS": text})

    assert [(key.id, key.key) for key in settings.encryption_keys] == [("new", OTHER_KEY), ("old", KEY)]
    printed = repr(settings) + repr(settings.encryption_keys)
    assert b64encode(OTHER_KEY).decode() not in printed
    assert repr(OTHER_KEY) not in printed


@pytest.mark.parametrize(
    "value",
    [
        "secret-without-id",
        f"k1:{b64encode(bytes(16)).decode()}",
        "k1:not base64!",
        f":{b64encode(KEY).decode()}",
        f"k1:{b64encode(KEY).decode()},k1:{b64encode(KEY).decode()}",
    ],
)
def test_a_bad_encryption_key_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(SettingsError, match="LOCKSTITCH_ENCRYPTION_KEYS") as caught:
        load_settings({"LOCKSTITCH_ENCRYPTION_KEYS": value})

    assert value not in str(caught.value)


def test_the_database_url_and_the_keys_may_be_files(tmp_path: Path) -> None:
    """As secrets are mounted into a container; a bad one is refused without showing it."""
    url, keys = tmp_path / "url", tmp_path / "keys"
    url.write_text("postgresql://lockstitch:hunter2@db/lockstitch\n")
    keys.write_text(f"k1:{b64encode(KEY).decode()}\n")

    settings = load_settings({"LOCKSTITCH_DATABASE_URL": f"file:{url}", "LOCKSTITCH_ENCRYPTION_KEYS": f"file:{keys}"})

    database_url, (key,) = require_for_serving(settings)
    assert database_url == "postgresql://lockstitch:hunter2@db/lockstitch"
    assert key.key == KEY
    url.write_text("mysql://user:hunter2@db/x")
    keys.unlink()
    with pytest.raises(SettingsError) as caught:
        load_settings({"LOCKSTITCH_DATABASE_URL": f"file:{url}", "LOCKSTITCH_ENCRYPTION_KEYS": f"file:{keys}"})
    assert f"LOCKSTITCH_ENCRYPTION_KEYS is file:{keys}: The file" in str(caught.value)
    assert "LOCKSTITCH_DATABASE_URL must start with postgresql://" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_serving_needs_a_database_and_a_key() -> None:
    with pytest.raises(SettingsError) as caught:
        require_for_serving(load_settings({}))

    assert "LOCKSTITCH_DATABASE_URL" in str(caught.value)
    assert "LOCKSTITCH_ENCRYPTION_KEYS" in str(caught.value)


def test_the_example_file_is_understood_whole() -> None:
    settings = load_settings({"LOCKSTITCH_CONFIG": str(ROOT / "lockstitch.example.toml")})

    assert settings.systems_of_record == {"customer": "crm", "order": "shop", "ticket": "desk"}
    assert settings.links.auto_join == (("shop", "crm"),)
    crm, desk = settings.connections["crm"], settings.connections["desk"]
    assert (crm.vendor, crm.base_url, crm.credentials) == ("hubspot", None, {"token": "env:HUBSPOT_TOKEN"})
    assert [(field.key, field.type) for field in crm.custom_fields["customer"]] == [("loyalty_tier", "enum")]
    assert desk.pacing is not None
    assert desk.pacing.concurrency == 4


def test_what_the_example_file_says_of_alarms_is_understood(tmp_path: Path) -> None:
    """It stands there commented out, since a reference to nothing keeps a worker from starting."""
    text = (ROOT / "lockstitch.example.toml").read_text()
    file = tmp_path / "lockstitch.toml"
    file.write_text(re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE))

    settings = load_settings({"LOCKSTITCH_CONFIG": str(file)})

    assert settings.alerts.url == "https://hooks.example.com/lockstitch"
    assert settings.alerts.smtp is not None
    assert settings.alerts.smtp.password == "env:ALERTS_SMTP_PASSWORD"
    assert settings.retention.receipts == 30


def test_a_file_in_the_working_directory_is_read_without_being_named() -> None:
    Path("lockstitch.toml").write_text('[connections.crm]\nvendor = "hubspot"\n')

    assert list(load_settings({}).connections) == ["crm"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("connections = 3", "named with a-z"),
        ("[connection.crm]\nvendor = 'hubspot'", r"unknown table \[connection\]"),
        ("[connections.crm]", "vendor"),
        ("[connections.crm]\nvendor = 'hubspot'\nbaseurl = 'https://x'", "baseurl"),
        ("[connections.crm]\nvendor = 'hubspot'\nbase_url = 'ftp://x'", "base_url"),
        ("[connections.'Our CRM']\nvendor = 'hubspot'", "Our CRM"),
        ("[connections.crm]\nvendor = 'hubspot'\npacing = { units = 0, per_seconds = 1 }", "pacing"),
        ("[connections.crm]\nvendor = 'hubspot'\ncustom_fields = { customer = [] }", "customers, orders, tickets"),
        ("[connections.old]\nvendor = 'csv'", "csv is missing"),
        ("[connections.old]\nvendor = 'csv'\n[connections.old.csv]\nobject = 'customers'", "required field"),
        ("[connections.old]\nvendor = 'csv'\nbase_url = 'https://x'\n" + LAYOUT, "base_url is not allowed"),
        ("[connections.crm]\nvendor = 'hubspot'\n" + LAYOUT.replace("old", "crm"), "only for vendor csv"),
        ("[connections.old]\nvendor = 'csv'\n" + LAYOUT.replace("notes", "remarks"), "has no field remarks to fill"),
        ("[systems_of_record]\ncustomers = 'crm'", "not a connection"),
        ("[systems_of_record]\ninvoices = 'crm'", "invoices"),
        ("[systems_of_record.customers]\nemail = 'crm'", "not a connection"),
        ("[links]\nauto_join = [['crm', 'shop']]", "'crm', which is not a connection"),
        ("[links]\nauto_join = [['crm', 'crm']]\n[connections.crm]\nvendor = 'hubspot'", "twice in one pair"),
        (
            "[links]\nauto_join = [['crm', 'shop']]\n[connections.crm]\nvendor = 'hubspot'\nrealm = 'acme'\n"
            "[connections.shop]\nvendor = 'shopify'",
            "in different realms",
        ),
        ("[connections.crm]\nvendor = 'hubspot'\nrealm = 'Acme Ltd'", "realm"),
        ("[alerts]\nurl = 'hooks.example.com'", "url must be an http or https URL"),
        ("[alerts]\nheartbeat_url = 'ftp://x'", "heartbeat_url"),
        ("[alerts.smtp]\nhost = 'm'\nsender = 'a@b.example'\nto = []", "smtp.to is empty"),
        ("[alerts.smtp]\nhost = 'm'\nsender = 'a@b.example'\nto = ['c@d.example']\nusername = 'a'", "both username"),
        ("[retention]\nreceipts = 6", "receipts"),
        (CONSUMER + "connection = 'nowhere'", "names 'nowhere', which is not a connection"),
        (CONSUMER + "connection = 'crm'\nsources = ['crm']", "crm as its own source"),
        (CONSUMER + "connection = 'crm'\nfields = ['frist_name']", "the field 'frist_name'"),
        (CONSUMER + "connection = 'crm'\nrequires_consent = 'fax'", "requires_consent"),
        (
            CONSUMER + "connection = 'crm'\n[[consumers]]\nobject = 'customers'\nconnection = 'crm'",
            "is the second one for customers at crm",
        ),
        (CONSUMER.replace("customers", "orders") + "connection = 'crm'\nmatch_on = 'email'", "matches orders on email"),
        (CONSUMER.replace("customers", "orders") + "connection = 'crm'\nrequires_consent = 'sms'", "only customers"),
        (CONSUMER.replace("customers", "tickets") + "connection = 'crm'\nlogins = 'follow'", "only customers have"),
        (CONSUMER.replace("customers", "orders") + "connection = 'crm'\non_delete = 'archive'", "only customers are"),
        ("[connections", "not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_refused_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "mistaken.toml"
    file.write_text(text)

    with pytest.raises(SettingsError, match=complaint) as caught:
        load_settings({"LOCKSTITCH_CONFIG": str(file)})

    assert str(file) in str(caught.value)


def test_a_secret_in_the_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    file = tmp_path / "leaky.toml"
    file.write_text("[connections.crm]\nvendor = 'hubspot'\ncredentials = { token = 'pat-na1-hunter2' }")

    with pytest.raises(SettingsError, match=r"credentials\.token must be a reference") as caught:
        load_settings({"LOCKSTITCH_CONFIG": str(file)})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("password = 'hunter2'", "smtp.password must be a reference"),
        ("password = 'env:P'\ntls = 'none'", "in clear text"),
    ],
)
def test_a_password_for_mail_is_a_reference_and_is_not_sent_in_the_clear(
    tmp_path: Path, more: str, complaint: str
) -> None:
    file = tmp_path / "leaky.toml"
    file.write_text(
        f"[alerts.smtp]\nhost = 'm'\nsender = 'a@b.example'\nto = ['c@d.example']\nusername = 'a'\n{more}\n"
    )

    with pytest.raises(SettingsError, match=complaint) as caught:
        load_settings({"LOCKSTITCH_CONFIG": str(file)})

    assert "hunter2" not in str(caught.value)


def test_references_are_resolved(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")

    assert resolve_secret("env:TOKEN", {"TOKEN": "from-the-environment"}) == "from-the-environment"
    assert resolve_secret(f"file:{file}", {}) == "from-a-file"


@pytest.mark.parametrize("reference", ["env:TOKEN", "file:/does/not/exist", "file:/dev/null", "vault:crm", "a-literal"])
def test_a_reference_to_nothing_is_refused(reference: str) -> None:
    with pytest.raises(SettingsError):
        resolve_secret(reference, {"TOKEN": ""})


def test_traces_have_a_url_where_there_is_a_store_of_them() -> None:
    local, own = "http://127.0.0.1:16686/trace/{trace_id}", "https://traces.example/{trace_id}"
    exports = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert load_settings({}).trace_url is None
    assert load_settings(exports).trace_url == local
    assert load_settings(exports | {"LOCKSTITCH_TRACE_URL": own}).trace_url == own
