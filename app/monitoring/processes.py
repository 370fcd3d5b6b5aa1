"""Alarms about the processes of an installation: a worker that died, and hosts that are configured differently."""

from collections.abc import Iterator, Sequence
from typing import Final

from app.monitoring.models import Alarm, Beat

SILENT_SECONDS: Final = 60.0
"""After this long without a heartbeat a process counts as dead."""
ROLLING_SECONDS: Final = 120.0
"""How long the hosts of a new configuration may differ from the others."""


def process_alarms(beats: Sequence[Beat], link: str) -> Iterator[Alarm]:
    """Yield the alarms that these heartbeats raise."""
    for dead in (beat for beat in beats if beat.silent > SILENT_SECONDS and beat.role == "worker"):
        yield Alarm(
            name=f"worker_gone.{dead.process}",
            summary=f"The worker {dead.process} has died, or its host is cut off.",
            next_step="Start one in its place: lockstitch worker. Without, this ends after a day.",
            link=link,
        )
    living = [beat for beat in beats if beat.silent <= SILENT_SECONDS and beat.age > ROLLING_SECONDS]
    groups: dict[str, list[str]] = {}
    for beat in living:
        groups.setdefault(beat.settings, []).append(beat.process)
    if len(groups) > 1:
        *fewer, most = sorted(groups.values(), key=len)
        yield Alarm(
            name="settings_differ",
            summary=f"The settings of {_names(name for group in fewer for name in group)} differ from those of"
            f" {_names(most)}.",
            next_step="Give all hosts the same lockstitch.toml and LOCKSTITCH_… variables, and restart them.",
            link=link,
        )
    used = {beat.keys[0] for beat in living if beat.keys}
    lacking = {beat.process: sorted(used.difference(beat.keys)) for beat in living}
    if any(lacking.values()):
        named = "; ".join(f"{process} lacks {', '.join(keys)}" for process, keys in lacking.items() if keys)
        yield Alarm(
            name="encryption_keys_differ",
            summary=f"Not every process can read what others encrypt: {named}.",
            next_step="Give all hosts the same LOCKSTITCH_ENCRYPTION_KEYS, and restart them.",
            link=link,
        )


def _names(processes: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(sorted(processes))
