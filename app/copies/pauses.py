"""Show consumers, and resume one that was paused."""

from datetime import datetime

from msgspec import Struct

from app.copies.deps import ConsumerDeps
from app.errors import NotFound
from app.writes.copy_models import PausedFor


class ConsumerView(Struct, frozen=True, kw_only=True):
    """A consumer: a connection to which the changes of an object are copied."""

    name: str
    """Object and connection. Example: `"customers:crm"`"""
    paused_at: datetime | None
    """Since when its copies wait; null if they do not. Example: `null`"""
    paused_for: PausedFor | None
    """Why they wait. `removals`: they would have cleared or removed more than 20 values within an hour. `loop`: it has
    written one record more than `most_writes_per_minute` times within a minute. Example: `null`"""
    released_until: datetime | None
    """Until when nothing limits what it removes, since an operator resumed it; null if that never happened. Example:
    `null`"""
    next_step: str | None
    """What to do; null if nothing is wrong. Example: `null`"""


async def list_consumers(deps: ConsumerDeps) -> list[ConsumerView]:
    """Return all consumers, sorted by name."""
    known = await deps.removals.pauses(deps.consumers)
    return [
        ConsumerView(
            name=name,
            paused_at=None if pause is None else pause.paused_at,
            paused_for=None if pause is None or pause.paused_at is None else pause.paused_for,
            released_until=None if pause is None else pause.released_until,
            next_step=None if pause is None or pause.paused_at is None else _next_step(name, pause.paused_for),
        )
        for name in sorted(deps.consumers)
        for pause in [known.get(name)]
    ]


async def resume_consumer(deps: ConsumerDeps, name: str, *, actor: str) -> ConsumerView:
    """Resume a consumer. Its waiting copies run within half a minute. If it was paused because of removals, nothing
    limits them for an hour. Audited. Raises NotFound."""
    if name not in deps.consumers:
        known = ", ".join(sorted(deps.consumers)) or "none"
        raise NotFound(f"No consumer has the name {name[:80]!r}; there are: {known}.")
    await deps.removals.resume(name, actor=actor)
    return next(one for one in await list_consumers(deps) if one.name == name)


def _next_step(name: str, why: PausedFor) -> str:
    resume = f"resume it: POST /ops/consumers/{name}/resume, or lockstitch consumers resume {name}."
    if why == "loop":
        return (
            "The audit trail (type consumer.paused) names the record. Find what changes it after each copy, such as an"
            f" automation at one of the vendors, and stop that. Then {resume}"
        )
    return (
        "Look at the source: has it lost data? The audit trail (type consumer.paused) has the numbers. If the removals"
        f" are right, {resume}"
    )
