"""Send alarms: a POST to a configured URL, a mail, and always a log line.

The operator configures the addresses, so the egress guard does not apply.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import aiohttp
import aiosmtplib
import msgspec

from app.credentials.secrets import VAULT, NoSecret, Secrets
from app.egress.exchange import USER_AGENT
from app.monitoring.metrics import count_sent, expect_alerts
from app.monitoring.models import Message
from app.settings.alerts import ALERT_URL, AlertSettings, SmtpSettings
from app.settings.briefs import Responsible
from app.settings.reading import SettingsError, is_reference

SECONDS: Final = 10.0
Reader: TypeAlias = Callable[[], str]
"""Returns the present value of a setting. Raises SettingsError if the vault lacks it."""
_log = logging.getLogger("lockstitch.alerts")


class Alerting:
    """Notify a person, by log and by the configured ways. Made by `open_alerting`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        installation: str,
        url: Reader | None,
        smtp: SmtpSettings | None,
        password: Reader | None,
        heartbeat_url: Reader | None,
        runbook: str,
        responsible: Mapping[str, Sequence[Responsible]],
    ) -> None:
        self._session = session
        self._runbook = runbook
        self._responsible = responsible
        self._installation = installation
        self._url = url
        self._smtp = smtp
        self._password = password
        self._heartbeat_url = heartbeat_url

    @property
    def reaches_people(self) -> bool:
        """Whether a URL or a mail server is configured."""
        return self._url is not None or self._smtp is not None

    async def send(self, message: Message) -> bool:
        """Send an alarm by all configured ways, and log it. Return whether at least one succeeded, or none is
        configured."""
        level = logging.INFO if message.state == "over" else logging.ERROR
        facts = {"alarm": message.alarm, "state": message.state, "next_step": message.next_step}
        _log.log(level, "alarm %s: %s", message.state, message.summary, extra=facts)
        ways: list[Coroutine[Any, Any, bool]] = []
        if self._url is not None:
            ways.append(self._post(self._url, message))
        if self._smtp is not None:
            ways.append(self._mail(self._smtp, message))
        return not ways or any(await asyncio.gather(*ways))

    async def heartbeat(self) -> None:
        """Send a heartbeat to the dead man's switch."""
        if self._heartbeat_url is None:
            return
        try:
            async with self._session.get(self._heartbeat_url(), allow_redirects=False) as response:
                arrived = response.status < 300
        except (aiohttp.ClientError, OSError, SettingsError) as error:  # a TimeoutError is an OSError
            _log.warning("the heartbeat could not be sent (%s)", type(error).__name__)
            arrived = False
        count_sent("heartbeat", arrived)

    async def _post(self, url: Reader, message: Message) -> bool:
        body = msgspec.json.encode({"text": self._headline(message), **self._facts(message)})
        headers = {"Content-Type": "application/json"}
        why = ""
        try:
            async with self._session.post(url(), data=body, headers=headers, allow_redirects=False) as response:
                if response.status >= 300:
                    why = f"status {response.status}"
        except (aiohttp.ClientError, OSError, SettingsError) as error:
            why = type(error).__name__
        return _record("url", message, why)

    async def _mail(self, smtp: SmtpSettings, message: Message) -> bool:
        mail = EmailMessage()
        mail["Subject"] = self._headline(message)
        mail["From"] = smtp.sender
        mail["To"] = ", ".join(smtp.to)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain="lockstitch.invalid")
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: suppresses automatic replies
        facts = {name: value for name, value in self._facts(message).items() if value is not None}
        facts["responsible"] = "; ".join(map(str, facts["responsible"])) or "see the runbook"
        mail.set_content("".join(f"{name.replace('_', ' ')}: {value}\n" for name, value in facts.items()))
        why = ""
        try:
            await aiosmtplib.send(
                mail,
                hostname=smtp.host,
                port=smtp.port,
                username=smtp.username,
                password=None if self._password is None else self._password(),
                use_tls=smtp.tls == "implicit",
                start_tls=smtp.tls == "starttls",
                timeout=SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError, SettingsError) as error:
            why = type(error).__name__
        return _record("smtp", message, why)

    def _headline(self, message: Message) -> str:
        prefix = {"raised": "", "standing": "Still: ", "over": "Over: "}[message.state]
        return f"[Lockstitch] {prefix}{message.summary}"

    def _facts(self, message: Message) -> dict[str, Any]:
        return {
            "alarm": message.alarm,
            "state": message.state,
            "summary": message.summary,
            "next_step": message.next_step,
            "link": message.link,
            "since": message.since.isoformat(timespec="seconds"),
            "installation": self._installation,
            "runbook": f"{self._runbook}#{message.alarm.partition('.')[0]}",
            "responsible": self._responsible_for(message.alarm),
        }

    def _responsible_for(self, alarm: str) -> Sequence[Responsible]:
        """An alarm is named `kind.connection`, `kind.secret` or `kind.connection.object`."""
        subject = alarm.partition(".")[2]
        return self._responsible.get(subject) or self._responsible.get(subject.partition(".")[0], ())


@asynccontextmanager
async def open_alerting(
    alerts: AlertSettings,
    *,
    installation: str,
    secrets: Secrets,
    responsible: Mapping[str, Sequence[Responsible]] = MappingProxyType({}),
) -> AsyncIterator[Alerting]:
    """Yield the configured ways, and close them at the end. `installation` names this installation in messages;
    `responsible` are the people to name, by connection and by secret of the vault. Raises SettingsError if a reference
    cannot be resolved."""
    expect_alerts()
    smtp = alerts.smtp
    password = None
    if smtp is not None and smtp.password is not None:
        password = _reader(smtp.password, secrets, lambda value: value)
    url, heartbeat_url = (_address(name, getattr(alerts, name), secrets) for name in ("url", "heartbeat_url"))
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=SECONDS),
        headers={"User-Agent": USER_AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield Alerting(
            session,
            installation=installation,
            url=url,
            smtp=smtp,
            password=password,
            heartbeat_url=heartbeat_url,
            runbook=alerts.runbook,
            responsible=responsible,
        )


def _address(name: str, reference: str | None, secrets: Secrets) -> Reader | None:
    if reference is None:
        return None
    if not is_reference(reference):
        return lambda: reference

    def check(address: str) -> str:
        if ALERT_URL.fullmatch(address) is None:
            raise SettingsError(f"[alerts] {name}: the value of {reference} must be an http or https URL.")
        return address

    return _reader(reference, secrets, check)


def _reader(reference: str, secrets: Secrets, check: Callable[[str], str]) -> Reader:
    """Return what reads a reference: the vault each time, others once. Raises SettingsError for a bad value; a secret
    that the vault lacks may be set later."""
    with suppress(NoSecret):
        value = check(secrets.read(reference))
        if not reference.startswith(VAULT):
            return lambda: value
    return lambda: check(secrets.read(reference))


def _record(way: Any, message: Message, why: str) -> bool:
    if why:
        _log.error("an alarm could not be sent by %s (%s)", way, why, extra={"alarm": message.alarm})
    count_sent(way, not why)
    return not why
