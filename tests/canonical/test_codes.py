"""Code lists against sources of their own: SIX's published ISO 4217 table, and Debian's ISO 3166 and 639 lists."""

import iso4217
import pycountry
import pytest

from canonical import codes, values

TODAY = {currency.code: currency.exponent for currency in iso4217.Currency}


def test_every_currency_of_today_has_the_digits_that_iso_4217_gives_it() -> None:
    assert len(TODAY) > 150
    paid_with = {code: digits for code, digits in TODAY.items() if digits is not None}
    assert {code: values.currency_digits(code) for code in paid_with if values.is_currency(code)} == paid_with


def test_codes_without_a_minor_unit_are_nothing_to_pay_with() -> None:
    assert [code for code, digits in TODAY.items() if digits is None and values.is_currency(code)] == []


@pytest.mark.parametrize("code", ["DEM", "HRK", "ITL", "ZMK"])
def test_historic_currencies_are_known(code: str) -> None:
    assert values.is_currency(code)


@pytest.mark.parametrize("code", ["EURO", "eur", "BTC", "CNH", "XXX", ""])
def test_what_is_no_currency(code: str) -> None:
    assert not values.is_currency(code)


def test_countries_are_those_of_iso_3166_1_and_kosovo() -> None:
    assert codes.country_codes() == {country.alpha_2 for country in pycountry.countries} | {"XK"}


def test_every_iso_name_and_three_letter_code_leads_to_its_country() -> None:
    known = {
        text: country.alpha_2
        for country in pycountry.countries
        for text in (country.name, country.alpha_2, country.alpha_3, getattr(country, "common_name", country.name))
    }
    assert {text: values.country(text) for text in known} == known
    assert {text: values.country(f" {text.upper()} ") for text in known} == known


def test_every_long_name_of_iso_leads_to_its_country() -> None:
    known = {one.official_name: one.alpha_2 for one in pycountry.countries if hasattr(one, "official_name")}

    assert len(known) > 150
    assert {text: values.country(text) for text in known} == known


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("USA", "US"),
        ("u.s.a.", "US"),
        ("UK", "GB"),
        ("the Netherlands", "NL"),
        ("Cote d'Ivoire", "CI"),
        ("St. Lucia", "LC"),
        ("Bosnia & Herzegovina", "BA"),
        ("Turkiye", "TR"),
        ("Deutschland", "DE"),
        ("Österreich", "AT"),
        ("Kosovo", "XK"),
        ("UAE", "AE"),
        ("U.A.E.", "AE"),
        ("U.K.", "GB"),
        ("Palestine", "PS"),
        ("Palestinian Territory, Occupied", "PS"),
        ("Occupied Palestinian Territory", "PS"),
        ("Hong Kong SAR", "HK"),
        ("Hong Kong SAR China", "HK"),
        ("Hong Kong, China", "HK"),
        ("Macao SAR", "MO"),
        ("Macau SAR China", "MO"),
        ("United Kingdom of Great Britain and Northern Ireland", "GB"),
        ("Democratic People's Republic of Korea", "KP"),
        ("Democratic Republic of Congo", "CD"),
        ("Congo, Democratic Republic of the", "CD"),
        ("Republic of Congo", "CG"),
        ("Republic of China", "TW"),
        ("Taiwan, Republic of China", "TW"),
        ("Republic of Cameroon", "CM"),
        ("Macedonia, the Former Yugoslav Republic of", "MK"),
        ("Libyan Arab Jamahiriya", "LY"),
        ("St. Vincent", "VC"),
        ("Vatican City State", "VA"),
        ("Cape Verde", "CV"),
        ("East Timor", "TL"),
        ("Burma", "MM"),
        # Reserved codes and their names: parts of a country that some vendors take for one.
        ("AC", "SH"),
        ("Ascension Island", "SH"),
        ("TA", "SH"),
        ("Tristan da Cunha", "SH"),
        ("IC", "ES"),
        ("Canary Islands", "ES"),
    ],
)
def test_countries_as_people_write_them(text: str, code: str) -> None:
    assert values.country(text) == code


@pytest.mark.parametrize(
    "text",
    [
        *("Europe", "EU", "ZZ", "Atlantis", "Bavaria", "", "  ", None, "D", "QO", "AN", "XX", "Korea"),
        *("Netherlands Antilles", "Unknown Region", "State of Georgia", "Commonwealth of Virginia", "Republic of"),
    ],
)
def test_what_is_no_country_is_not_guessed(text: str | None) -> None:
    assert values.country(text) is None


def test_every_language_of_two_letters_is_known() -> None:
    two_letters = {language.alpha_2 for language in pycountry.languages if hasattr(language, "alpha_2")}
    # Serbo-Croatian is in the list, deprecated; Bihari is a group of languages.
    assert {code for code in two_letters - {"sh", "bh"} if values.language(code) is None} == set()


def test_every_script_is_known() -> None:
    assert {"Latn", "Hant", "Cyrl"} <= codes.scripts()
    assert len({script.alpha_4 for script in pycountry.scripts} & codes.scripts()) > 150
