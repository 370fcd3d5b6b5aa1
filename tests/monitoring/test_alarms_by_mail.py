"""Alarms by mail: secured as configured, or not sent at all."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.credentials.secrets import Secrets
from app.monitoring.models import Message
from app.monitoring.notify import Alerting, open_alerting
from app.settings.alerts import AlertSettings, SmtpSettings
from tests.monitoring.mailbox import Mailbox, running_mailbox

URL: Final = "https://lockstitch.example"
MESSAGE: Final = Message(
    alarm="dead_letters",
    state="raised",
    summary="2 open dead letters.",
    next_step="lockstitch dead-letters list",
    link=f"{URL}/ops/dead-letters",
    since=datetime(2026, 5, 1, 9, 30, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a self-signed certificate of `localhost`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def served(certificate: Path) -> ssl.SSLContext:
    """What the mail server secures itself with."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@asynccontextmanager
async def mailing(mailbox: Mailbox, tls: Literal["starttls", "implicit"], host: str) -> AsyncIterator[Alerting]:
    smtp = SmtpSettings(
        host=host,
        port=mailbox.port,
        tls=tls,
        sender="lockstitch@example.com",
        to=("ops@example.com", "boss@example.com"),
        username="lockstitch",
        password="env:MAIL_PASSWORD",
    )
    environment = {"MAIL_PASSWORD": "correct horse"}
    async with open_alerting(AlertSettings(smtp=smtp), installation=URL, secrets=Secrets(environment)) as alerting:
        yield alerting


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_mail_goes_to_all_by_a_secured_connection(
    tls: Literal["starttls", "implicit"],
    served: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # as an operator trusts the authority of his own
    async with running_mailbox(tls, served) as mailbox, mailing(mailbox, tls, "localhost") as alerting:
        assert await alerting.send(MESSAGE)

    (mail,) = mailbox.mails
    assert mailbox.recipients == ["ops@example.com", "boss@example.com"]
    assert mailbox.logins == [("lockstitch", "correct horse")]
    assert mail["subject"] == "[Lockstitch] 2 open dead letters."


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("why", ["of nobody that is trusted", "of another host"])
async def test_with_an_untrusted_certificate_nothing_is_sent(
    tls: Literal["starttls", "implicit"],
    why: str,
    served: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if why == "of another host":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    host = "127.0.0.1" if why == "of another host" else "localhost"
    async with running_mailbox(tls, served) as mailbox, mailing(mailbox, tls, host) as alerting:
        assert not await alerting.send(MESSAGE)

    assert (mailbox.mails, mailbox.logins) == ([], [])


async def test_a_server_that_cannot_secure_the_connection_is_sent_nothing() -> None:
    async with running_mailbox("none") as mailbox, mailing(mailbox, "starttls", "localhost") as alerting:
        assert not await alerting.send(MESSAGE)

    assert (mailbox.mails, mailbox.logins) == ([], [])
    assert "MAIL" not in mailbox.verbs
