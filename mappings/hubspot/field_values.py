"""Property values as text: HubSpot's spellings of instants, languages and time zones, and ours."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from canonical import values
from mappings.spec import VendorDrift

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def instant(text: str | None, name: str) -> datetime | None:
    """A datetime property: ISO 8601 with `Z`, or epoch milliseconds as in older answers.

    Raises VendorDrift, with the property's path, for any other text.
    """
    if not text:
        return None
    try:
        if text.endswith("Z"):  # the usual case
            return datetime.fromisoformat(text)
        if text.isdecimal():
            return EPOCH + timedelta(milliseconds=int(text))
        return values.utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise VendorDrift(f"$.properties.{name}", "not a date and time") from error


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds, as searches compare them; fractions are cut off."""
    return (moment - EPOCH) // _MILLISECOND


def iso(moment: datetime) -> str:
    """HubSpot's own spelling: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {spell_zone(zone): zone for zone in sorted(available_timezones())}


@lru_cache(maxsize=1024)
def zone(text: str) -> str | None:
    """The IANA zone behind `europe_slash_berlin`; None for a zone that IANA has given up, such as US/Pacific-New."""
    return _zones().get(text)


def spell_zone(name: str) -> str:
    """HubSpot's internal name of an IANA zone: lower case, with the signs spelled out."""
    return name.lower().replace("/", "_slash_").replace("-", "_hyphen_").replace("+", "_plus_")


def spell_language(tag: str, options: tuple[str, ...] | None) -> str | None:
    """The internal name of a language: the one of the account's options that means the same (`zh-cn` is
    `zh-Hans-CN`), or None. With the options unknown the tag in lower case, which is how HubSpot names them."""
    if options is None:
        return tag.lower().replace("_", "-")
    wanted = values.language_key(tag)
    if wanted is None:
        return None
    return next((option for option in options if values.language_key(option) == wanted), None)
