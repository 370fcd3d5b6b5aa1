"""Which countries, currencies and languages there are.

Babel's CLDR data knows codes and English names; what it does not know stands here: which of its codes are no ISO
codes, ISO's own short names, and ISO 4217's minor units, which differ from the digits that CLDR shows people.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.core import get_global

# Regions of CLDR that ISO 3166-1 does not assign. XK (Kosovo) stays: user-assigned, and what vendors use.
_NO_COUNTRIES: Final = "AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ"
# ISO 3166-1's short names where CLDR's differ, and what people write; folded as `fold_name` does.
_COUNTRY_NAMES: Final = {
    "bolivia plurinational state of": "BO",
    "bonaire sint eustatius and saba": "BQ",
    "brunei darussalam": "BN",
    "cabo verde": "CV",
    "congo": "CG",
    "congo the democratic republic of the": "CD",
    "czech republic": "CZ",
    "democratic republic of the congo": "CD",
    "deutschland": "DE",
    "england": "GB",
    "espana": "ES",
    "falkland islands malvinas": "FK",
    "great britain": "GB",
    "heard island and mcdonald islands": "HM",
    "holland": "NL",
    "holy see": "VA",
    "holy see vatican city state": "VA",
    "hong kong": "HK",
    "iran islamic republic of": "IR",
    "italia": "IT",
    "ivory coast": "CI",
    "korea democratic people s republic of": "KP",
    "korea republic of": "KR",
    "lao people s democratic republic": "LA",
    "macao": "MO",
    "macau": "MO",
    "macedonia": "MK",
    "micronesia federated states of": "FM",
    "moldova republic of": "MD",
    "myanmar": "MM",
    "northern ireland": "GB",
    "osterreich": "AT",
    "palestine state of": "PS",
    "pitcairn": "PN",
    "republic of ireland": "IE",
    "republic of korea": "KR",
    "russian federation": "RU",
    "saint helena ascension and tristan da cunha": "SH",
    "saint martin french part": "MF",
    "saint vincent and the grenadines": "VC",
    "schweiz": "CH",
    "scotland": "GB",
    "sint maarten dutch part": "SX",
    "south georgia and the south sandwich islands": "GS",
    "swaziland": "SZ",
    "syrian arab republic": "SY",
    "taiwan province of china": "TW",
    "tanzania united republic of": "TZ",
    "turkey": "TR",
    "u s": "US",
    "u s a": "US",
    "uk": "GB",
    "united states minor outlying islands": "UM",
    "united states of america": "US",
    "venezuela bolivarian republic of": "VE",
    "viet nam": "VN",
    "virgin islands british": "VG",
    "virgin islands u s": "VI",
    "wales": "GB",
}
# Currencies of CLDR that never were ISO 4217 codes, and ISO's codes for what nobody pays with: metals, funds of
# accounts, testing, none.
_NO_CURRENCIES: Final = (
    "ALK ARL ARM BAN BGM BGO BOL BRZ CLE CNH CNX GNS ILR ISJ KRH KRO MCF MDC MKN MVP TJR VNN YUR ZAL "
    "XAG XAU XBA XBB XBC XBD XDR XFO XFU XPD XPT XRE XSU XTS XUA XXX"
)
_NEW_CURRENCIES: Final = "XAD"
# ISO 4217's minor units, today's and those of historic codes; every other currency has 2.
_MINOR_UNITS: Final = {
    0: (
        "ADP BEF BIF BYB BYR CLP DJF ESP GNF GRD ISK ITL JPY KMF KRW LUF MGF PTE PYG RWF TPE TRL UGX UYI VND VUV "
        "XAF XOF XPF"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
# ISO 639 codes that were given up for others (IANA's language subtag registry, Preferred-Value).
_RENAMED_LANGUAGES: Final = {"iw": "he", "in": "id", "ji": "yi", "mo": "ro"}


def fold_name(text: str) -> str:
    """A name as it is compared: no accents, case or punctuation, `&` and `St.` spelled out, no leading article."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    words = re.sub(r"\W+", " ", "".join(sign for sign in plain if not unicodedata.combining(sign))).strip()
    return re.sub(r"\bst\b", "saint", words).removeprefix("the ")


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """ISO 3166-1 alpha-2, and XK."""
    codes = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()).difference(_NO_COUNTRIES.split())


@lru_cache(maxsize=1)
def country_names() -> dict[str, str]:
    """Alpha-2 codes by folded English name and by alpha-3 code in lower case."""
    codes = country_codes()
    aliases = get_global("territory_aliases")
    three = {alias.casefold(): targets[0] for alias, targets in aliases.items() if len(alias) == 3 and alias.isalpha()}
    english = {fold_name(str(name)): str(code) for code, name in Locale("en").territories.items()}
    return {name: code for name, code in (three | english | _COUNTRY_NAMES).items() if code in codes}


@lru_cache(maxsize=1)
def minor_units() -> dict[str, int]:
    """The number of decimals of every ISO 4217 currency, today's or a historic one, that people pay with."""
    known = {*map(str, get_global("all_currencies")), *_NEW_CURRENCIES.split()}.difference(_NO_CURRENCIES.split())
    units = {code: digits for digits, codes in _MINOR_UNITS.items() for code in codes.split()}
    return {code: units.get(code, 2) for code in known}


@lru_cache(maxsize=1)
def languages() -> dict[str, str]:
    """Language subtags in lower case, each with the one to use today."""
    known = {str(code): str(code) for code in Locale("en").languages if re.fullmatch("[a-z]{2,3}", str(code))}
    return known | _RENAMED_LANGUAGES


@lru_cache(maxsize=1)
def scripts() -> frozenset[str]:
    """ISO 15924 script subtags, such as `Hant`."""
    return frozenset(str(code) for code in Locale("en").scripts)


@lru_cache(maxsize=1)
def language_regions() -> frozenset[str]:
    """Region subtags: countries, and UN M.49 areas such as `419`."""
    areas = {str(code) for code in Locale("en").territories if str(code).isdecimal()}
    return country_codes() | areas


def likely_script(language: str, region: str | None) -> str | None:
    """The script that a language is usually written in there (CLDR, likely subtags)."""
    likely = get_global("likely_subtags")
    implied = likely.get(f"{language}_{region}") or likely.get(language) or ""
    return next((part for part in implied.split("_")[1:] if len(part) == 4), None)
