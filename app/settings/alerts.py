"""Where alarms are sent: `[alerts]`."""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

ALERT_URL = re.compile(r"https?://[^/?#\s]+([/?][^#\s]*)?")


class SmtpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mail server for alarms. `password` is a reference. Omit `username` and `password` if it needs no login."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: str | None = None
    password: str | None = None


class AlertSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alarms are sent, independent of Lockstitch's queue and subscriptions, which may be failing themselves.

    `url` receives a POST per alarm. `heartbeat_url` receives a GET every `heartbeat_seconds` while all is well, for a
    dead man's switch. Both are URLs or references to them, because such a URL is often a secret. A lasting alarm is
    repeated after `repeat_minutes`. A job that is ready to start is late after `job_lag_seconds`.
    `runbook` is where people find the runbook: an alarm adds its name to it.
    """

    url: str | None = None
    smtp: SmtpSettings | None = None
    heartbeat_url: str | None = None
    heartbeat_seconds: Annotated[int, Meta(ge=5, le=3600)] = 60
    repeat_minutes: Annotated[int, Meta(ge=1, le=10080)] = 60
    job_lag_seconds: Annotated[int, Meta(ge=10, le=86400)] = 600
    runbook: str = "docs/runbook.md"
