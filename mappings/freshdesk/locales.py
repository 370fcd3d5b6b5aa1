"""Read and write a contact's language and time zone. Freshdesk has its own codes and names for some of them."""

from functools import lru_cache
from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.parts import Loss
from mappings.kit.rails_time_zones import IANA, RAILS
from mappings.spec import Notes

TAGS: Final[dict[str, str]] = {"es-LA": "es-419"}
"""Freshdesk's codes that are other BCP 47 tags: `es-LA` is Latin American Spanish, not that of Laos."""
CODES: Final[dict[str, str]] = {
    "es-419": "es-LA",
    # Freshdesk has these with one country only.
    "ja": "ja-JP",
    "sv": "sv-SE",
    "nb": "nb-NO",
    "lv": "lv-LV",
}

LANGUAGES: Final = (
    *("ar", "bg", "bs", "ca", "cs", "da", "de", "el", "en", "es", "es-LA", "et", "fi", "fil", "fr", "he", "hr", "hu"),
    *("id", "is", "it", "ja-JP", "ko", "lt", "lv-LV", "ms", "nb-NO", "nl", "no", "pl", "pt-BR", "pt-PT", "ro", "ru"),
    *("sk", "sl", "sr", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW"),
)
"""Every code, as Freshdesk lists them when it refuses another one."""


def language_read(code: str | None, loss: list[Loss]) -> str | None:
    """Return the BCP 47 tag of a code."""
    if code is None:
        return None
    language, changed = _tag(code)
    if changed is not None:
        loss.append(changed)
    return language


def language_written(language: str | None | UnsetType, notes: Notes) -> str | UnsetType:
    """Return the code of a BCP 47 tag. Freshdesk refuses a language that the account does not have."""
    if isinstance(language, UnsetType):
        return UNSET
    tag = None if language is None else values.language(language)
    if tag is None:
        notes.invalid("/language", "a Freshdesk contact always has a language: send a BCP 47 tag such as de or pt-BR")
        return UNSET
    code = CODES.get(tag, tag)
    if code not in LANGUAGES:
        near = _nearest(tag)
        if near is None:
            notes.unsupported("/language", f"Freshdesk does not have this language, but {', '.join(LANGUAGES)}")
            return UNSET
        code = near
    if language not in (code, TAGS.get(code)):
        notes.lose("/language", "coerced", f"stored as {code} at Freshdesk")
    return code


def _nearest(tag: str) -> str | None:
    """Return the code of the same language, in the same script if there is one."""
    alike = [code for code in LANGUAGES if code.partition("-")[0] == tag.partition("-")[0]]
    return next((code for code in alike if _script(code) == _script(tag)), alike[0] if alike else None)


def _script(tag: str) -> str:
    parts = (values.language_key(tag) or tag).split("-")
    return parts[1] if len(parts) > 1 and len(parts[1]) == len("Hans") else ""


def zone_read(name: str | None, loss: list[Loss]) -> str | None:
    """Return the IANA time zone of a name."""
    if name is None:
        return None
    zone, changed = _zone(name)
    if changed is not None:
        loss.append(changed)
    return zone


def zone_written(zone: str | None | UnsetType, notes: Notes) -> str | UnsetType:
    """Return the name of an IANA time zone. Freshdesk has about 120 of them."""
    if isinstance(zone, UnsetType):
        return UNSET
    if zone is None or values.timezone(zone) is None:
        notes.invalid("/timezone", "a Freshdesk contact always has a time zone: send one such as Europe/Berlin")
        return UNSET
    name = RAILS.get(zone)
    if name is None:
        notes.unsupported(
            "/timezone", "Freshdesk does not have this zone: send an equivalent one such as Europe/Berlin"
        )
        return UNSET
    return name


@lru_cache(maxsize=512)
def _tag(code: str) -> tuple[str | None, Loss | None]:
    language = TAGS.get(code) or values.language(code)
    if language is None:
        return None, Loss(path="/language", kind="dropped", detail="Freshdesk's language is not a BCP 47 tag")
    if language not in (code, TAGS.get(code)):
        return language, Loss(path="/language", kind="coerced", detail=f"spelled {code} at Freshdesk")
    return language, None


@lru_cache(maxsize=512)
def _zone(name: str) -> tuple[str | None, Loss | None]:
    zone = IANA.get(name) or values.timezone(name)
    if zone is None:
        return None, Loss(path="/timezone", kind="dropped", detail="Freshdesk's time zone has no IANA name")
    if zone not in (name, IANA.get(name)):
        return zone, Loss(path="/timezone", kind="coerced", detail=f"called {name} at Freshdesk")
    return zone, None
