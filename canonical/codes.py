"""The codes of countries, currencies and languages.

Babel's CLDR data has the codes and English names. This module adds what CLDR lacks: which of its codes are not ISO
codes, ISO's short names, and ISO 4217's minor units, which differ from the digits that CLDR displays.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

NO_CURRENCY: Final = "XXX"
"""ISO 4217's code for no currency: an order whose currency is unknown."""

# CLDR regions that ISO 3166-1 does not assign. XK (Kosovo) is accepted: it is user-assigned, and vendors use it.
_NO_COUNTRIES: Final = "AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ"
_PARTS: Final = {"AC": "SH", "CP": "FR", "CQ": "GG", "DG": "IO", "EA": "ES", "IC": "ES", "TA": "SH"}
"""Codes that ISO reserves for a part of a country. Some vendors (Shopify) send them as countries."""
_FORMS: Final = (
    "republic",
    "kingdom",
    "commonwealth",
    "principality",
    "sultanate",
    "duchy",
    "union",
    "federation",
    "states",
)
"""Forms of state in country names, as in `Kingdom of Spain`. `State of` is omitted: it would match Georgia, US."""
# ISO 3166-1's short names where CLDR's differ, and other common names, folded by `fold_name`.
_COUNTRY_NAMES: Final = {
    "argentine republic": "AR",
    "belgie": "BE",
    "belgien": "BE",
    "belgique": "BE",
    "bolivia plurinational state of": "BO",
    "bonaire sint eustatius and saba": "BQ",
    "brasil": "BR",
    "brunei darussalam": "BN",
    "burma": "MM",
    "cabo verde": "CV",
    "cesko": "CZ",
    "china republic of": "TW",
    "congo": "CG",
    "congo democratic republic of": "CD",
    "congo democratic republic of the": "CD",
    "congo republic of the": "CG",
    "congo the democratic republic of the": "CD",
    "czech republic": "CZ",
    "danmark": "DK",
    "democratic people s republic of korea": "KP",
    "democratic republic of congo": "CD",
    "democratic republic of the congo": "CD",
    "deutschland": "DE",
    "dr congo": "CD",
    "east timor": "TL",
    "eesti": "EE",
    "eire": "IE",
    "england": "GB",
    "espana": "ES",
    "falkland islands malvinas": "FK",
    "french republic": "FR",
    "gabonese republic": "GA",
    "great britain": "GB",
    "heard island and mcdonald islands": "HM",
    "hellenic republic": "GR",
    "holland": "NL",
    "holy see": "VA",
    "holy see vatican city state": "VA",
    "hong kong": "HK",
    "hong kong china": "HK",
    "hong kong sar": "HK",
    "hong kong special administrative region of china": "HK",
    "hrvatska": "HR",
    "independent state of papua new guinea": "PG",
    "independent state of samoa": "WS",
    "iran islamic republic of": "IR",
    "italia": "IT",
    "italian republic": "IT",
    "ivory coast": "CI",
    "korea democratic people s republic of": "KP",
    "korea north": "KP",
    "korea republic of": "KR",
    "korea south": "KR",
    "kyrgyz republic": "KG",
    "lao people s democratic republic": "LA",
    "latvija": "LV",
    "lebanese republic": "LB",
    "libyan arab jamahiriya": "LY",
    "lietuva": "LT",
    "luxemburg": "LU",
    "macao": "MO",
    "macao sar": "MO",
    "macao special administrative region of china": "MO",
    "macau": "MO",
    "macau sar": "MO",
    "macau sar china": "MO",
    "macedonia": "MK",
    "macedonia republic of": "MK",
    "macedonia the former yugoslav republic of": "MK",
    "magyarorszag": "HU",
    "micronesia federated states of": "FM",
    "moldova republic of": "MD",
    "myanmar": "MM",
    "nederland": "NL",
    "norge": "NO",
    "northern ireland": "GB",
    "occupied palestinian territory": "PS",
    "osterreich": "AT",
    "palestine": "PS",
    "palestine state of": "PS",
    "palestinian territory": "PS",
    "palestinian territory occupied": "PS",
    "pitcairn": "PN",
    "plurinational state of bolivia": "BO",
    "polska": "PL",
    "portuguese republic": "PT",
    "republic of china": "TW",
    "republic of ireland": "IE",
    "republic of korea": "KR",
    "russian federation": "RU",
    "rwandese republic": "RW",
    "saint helena ascension and tristan da cunha": "SH",
    "saint martin french part": "MF",
    "saint vincent": "VC",
    "saint vincent and the grenadines": "VC",
    "schweiz": "CH",
    "scotland": "GB",
    "sint maarten dutch part": "SX",
    "slovak republic": "SK",
    "slovenija": "SI",
    "slovensko": "SK",
    "south georgia and the south sandwich islands": "GS",
    "state of eritrea": "ER",
    "state of israel": "IL",
    "state of kuwait": "KW",
    "state of palestine": "PS",
    "state of qatar": "QA",
    "suisse": "CH",
    "suomi": "FI",
    "sverige": "SE",
    "svizzera": "CH",
    "swaziland": "SZ",
    "swiss confederation": "CH",
    "syrian arab republic": "SY",
    "taiwan province of china": "TW",
    "taiwan republic of china": "TW",
    "tanzania united republic of": "TZ",
    "togolese republic": "TG",
    "turkey": "TR",
    "u a e": "AE",
    "u k": "GB",
    "u s": "US",
    "u s a": "US",
    "uae": "AE",
    "uk": "GB",
    "united kingdom of great britain and northern ireland": "GB",
    "united mexican states": "MX",
    "united states minor outlying islands": "UM",
    "united states of america": "US",
    "vatican city state": "VA",
    "venezuela bolivarian republic of": "VE",
    "viet nam": "VN",
    "virgin islands british": "VG",
    "virgin islands of the united states": "VI",
    "virgin islands u s": "VI",
    "wales": "GB",
}
# CLDR currencies that were never ISO 4217 codes, and ISO codes that are not used for payments: metals, units of
# account, testing, none.
_NO_CURRENCIES: Final = (
    "ALK ARL ARM BAN BGM BGO BOL BRZ CLE CNH CNX GNS ILR ISJ KRH KRO MCF MDC MKN MVP TJR VNN YUR ZAL "
    "XAG XAU XBA XBB XBC XBD XDR XFO XFU XPD XPT XRE XSU XTS XUA XXX"
)
_NEW_CURRENCIES: Final = "XAD"
# ISO 4217's minor units, of current and historic codes. Every other currency has 2.
_MINOR_UNITS: Final = {
    0: (
        "ADP BEF BIF BYB BYR CLP DJF ESP GNF GRD ISK ITL JPY KMF KRW LUF MGF PTE PYG RWF TPE TRL UGX UYI VND VUV "
        "XAF XOF XPF"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
# ISO 639 codes that were replaced by others (IANA's language subtag registry, Preferred-Value).
_RENAMED_LANGUAGES: Final = {"iw": "he", "in": "id", "ji": "yi", "mo": "ro"}


def fold_name(text: str) -> str:
    """Fold a name for comparison: no accents, case or punctuation, `&` and `St.` spelled out, no leading article."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    words = re.sub(r"\W+", " ", "".join(sign for sign in plain if not unicodedata.combining(sign))).strip()
    return re.sub(r"\bst\b", "saint", words).removeprefix("the ")


@lru_cache(maxsize=1)
def _english() -> Any:
    """Return Babel's locale. Imported at first use: commands import this module and need no codes."""
    from babel import Locale  # noqa: PLC0415

    return Locale("en")


def _global(name: Any) -> Any:
    from babel.core import get_global  # noqa: PLC0415

    return get_global(name)


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """Return the ISO 3166-1 alpha-2 codes, and XK."""
    codes = {str(code) for code in _english().territories}
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()).difference(_NO_COUNTRIES.split())


@lru_cache(maxsize=1)
def country_names() -> dict[str, str]:
    """Return alpha-2 codes by folded English name, by alpha-3 code and by reserved code of a part, in lower case."""
    codes = country_codes()
    aliases = _global("territory_aliases")
    three = {alias.casefold(): targets[0] for alias, targets in aliases.items() if len(alias) == 3 and alias.isalpha()}
    parts = {code.casefold(): whole for code, whole in _PARTS.items()}
    english = {fold_name(str(name)): _PARTS.get(str(code), str(code)) for code, name in _english().territories.items()}
    return {name: code for name, code in (three | parts | english | _COUNTRY_NAMES).items() if code in codes}


def country_named(text: str) -> str | None:
    """Return the alpha-2 code of a short or long English name: `Spain`, `Kingdom of Spain`. None if unknown."""
    names, name = country_names(), fold_name(text)
    if name in names:
        return names[name]
    form, separator, short = name.rpartition(" of ")
    if not separator or form.rpartition(" ")[2] not in _FORMS:
        return None
    return names.get(short.removeprefix("the "))


@lru_cache(maxsize=1)
def minor_units() -> dict[str, int]:
    """Return the number of decimals of every ISO 4217 currency that is or was used for payments."""
    known = {*map(str, _global("all_currencies")), *_NEW_CURRENCIES.split()}.difference(_NO_CURRENCIES.split())
    units = {code: digits for digits, codes in _MINOR_UNITS.items() for code in codes.split()}
    return {code: units.get(code, 2) for code in known}


@lru_cache(maxsize=1)
def languages() -> dict[str, str]:
    """Return the language subtags in lower case, each with the subtag that is current today."""
    known = {str(code): str(code) for code in _english().languages if re.fullmatch("[a-z]{2,3}", str(code))}
    return known | _RENAMED_LANGUAGES


@lru_cache(maxsize=1)
def scripts() -> frozenset[str]:
    """Return the ISO 15924 script subtags, such as `Hant`."""
    return frozenset(str(code) for code in _english().scripts)


@lru_cache(maxsize=1)
def language_regions() -> frozenset[str]:
    """Return the region subtags: countries, and UN M.49 areas such as `419`."""
    areas = {str(code) for code in _english().territories if str(code).isdecimal()}
    return country_codes() | areas


def likely_script(language: str, region: str | None) -> str | None:
    """Return the usual script of a language in a region (CLDR, likely subtags). None if unknown."""
    likely = _global("likely_subtags")
    implied = likely.get(f"{language}_{region}") or likely.get(language) or ""
    return next((part for part in implied.split("_")[1:] if len(part) == 4), None)
