"""Property values as text: instants, languages and time zones."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from canonical import values
from mappings.spec import VendorDrift

SEPARATOR: Final = ";"
"""Between the values of an enumeration with several."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS: Final = 10
"""Digits of a time in seconds, since 2001."""
DAY: Final = 24 * 3600 * 1000
_MILLISECOND: Final = timedelta(milliseconds=1)


def instant(text: str | None, name: str) -> datetime | None:
    """Parse a datetime property: ISO 8601, or the time since 1970 as in `since_epoch`.

    Raises VendorDrift, with the property's path, for any other text.
    """
    if not text:
        return None
    try:
        if text.endswith("Z"):  # the usual case
            return datetime.fromisoformat(text)
        if text.isdecimal():
            return since_epoch(text)
        return values.utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise VendorDrift(f"$.properties.{name}", "not a date and time") from error


def since_epoch(digits: str) -> datetime:
    """Return the instant of a number: HubSpot's milliseconds, or seconds if it has ten digits, which other programs
    write into a property by mistake. As milliseconds, ten digits would be the early months of 1970. A whole day of
    those is one in milliseconds, such as a day of birth.

    Raises OverflowError for a time that no calendar has.
    """
    number = int(digits)
    is_seconds = len(digits) == SECONDS and number % DAY != 0
    return EPOCH + (timedelta(seconds=number) if is_seconds else timedelta(milliseconds=number))


def milliseconds(moment: datetime) -> int:
    """Return epoch milliseconds, rounded down. Searches compare them."""
    return (moment - EPOCH) // _MILLISECOND


def iso(moment: datetime) -> str:
    """Format an instant like HubSpot: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {spell_zone(zone): zone for zone in sorted(available_timezones())}


@lru_cache(maxsize=1024)
def zone(text: str) -> str | None:
    """Return the IANA zone of `europe_slash_berlin`; None for a zone that IANA removed, such as US/Pacific-New."""
    return _zones().get(text)


def spell_zone(name: str) -> str:
    """Return HubSpot's internal name of an IANA zone: lower case, with the signs spelled out."""
    return name.lower().replace("/", "_slash_").replace("-", "_hyphen_").replace("+", "_plus_")


def spell_language(tag: str, options: tuple[str, ...] | None) -> str | None:
    """Return the account's option for a language (`zh-cn` is `zh-Hans-CN`), None if it has none. If the options are
    unknown, return the tag in lower case, as HubSpot names them."""
    if options is None:
        return tag.lower().replace("_", "-")
    wanted = values.language_key(tag)
    if wanted is None:
        return None
    return next((option for option in options if values.language_key(option) == wanted), None)
