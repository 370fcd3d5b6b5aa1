"""Check a URL that a caller names before it is stored."""

from typing import Final

from app.egress.poster import TargetPoster
from app.egress.targets import NotPosted
from app.errors import InvalidField
from app.problem_document import FieldError

NEXT_STEP: Final = (
    "Use a public https URL, or ask an operator to add the target's address and port to egress.allow"
    " (LOCKSTITCH_EGRESS_ALLOW), such as 127.0.0.1/32:5678."
)


async def complaint_about(poster: TargetPoster, url: str) -> str | None:
    """Return why the URL would be refused, for the caller to read, or None if it is allowed."""
    try:
        await poster.check(url)
    except NotPosted as refused:
        return f"the target {refused.why}"
    return None


async def require_callback(poster: TargetPoster, url: str) -> None:
    """Check the URL of a `Lockstitch-Callback` header. Raises InvalidField."""
    complaint = await complaint_about(poster, url)
    if complaint is not None:
        raise InvalidField(
            f"Lockstitch-Callback: {complaint}.",
            errors=(FieldError(header="Lockstitch-Callback", detail=complaint),),
            next_step=NEXT_STEP,
        )
