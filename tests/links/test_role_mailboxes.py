"""An address of an office is recognised by its first word, whatever follows; that of a person is not."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.links.role_mailboxes import ROLES, is_role

PEOPLE: Final = [
    *("ann", "ann.lee", "a.lee", "lee", "j.smith2", "bob_kay", "o.neil", "postma", "marketa.novak", "sally", "inga"),
    *("infanta", "ann.sales", "lee-office", "steve.jobs", "ar.khan", "hr.giger", "it.girl", "pr.singh", "kim.no"),
    *("12345678", "x", "hilary", "teamann", "contessa.bianchi", "ordway", "adminah"),
]


@pytest.mark.parametrize(
    "local",
    [
        *("info-de", "support1", "zentrale", "buchhaltung", "office.berlin", "sales_uk", "no-reply", "noreply2"),
        *(
            "do-not-reply",
            "customer.care",
            "INFO",
            "Kontakt24",
            "kundenservice",
            "b\u00fcro",
            "buero.koeln",
            "hr",
            "it",
        ),
        *(
            "it",
            "it-support",
            "ap.invoices",
            "hr-de",
            "infode",
            "salesuk",
            "contabilit\u00e0",
            "fatture",
            "pedidos",
            "biuro",
        ),
        *("commandes", "klantenservice", "verkoop", "boekhouding", "ekonomi", "facturacion-es", "atencion.cliente"),
        *("sekretariat", "rechnung+2026", "team-eu", "hello.world", "bestellung-7", "objednavky", "zamowienia"),
        *("\u0438\u043d\u0444\u043e", "webmaster", "postmaster", "newsletter.de", "secretariat", "segreteria"),
    ],
)
def test_an_office_is_recognised(local: str) -> None:
    assert is_role(f"{local}@example.com")


@pytest.mark.parametrize("local", PEOPLE)
def test_a_person_is_no_office(local: str) -> None:
    assert not is_role(f"{local}@example.com")


@given(
    role=st.sampled_from(sorted(one for one in ROLES if len(one) > 3)),
    sign=st.sampled_from("-._"),
    more=st.sampled_from(["de", "uk", "berlin", "1", "24", "eu-west", "team", ""]),
    tag=st.sampled_from(["", "+x", "+ann.lee"]),
)
def test_a_suffix_changes_nothing(role: str, sign: str, more: str, tag: str) -> None:
    assert is_role(f"{role}{sign if more else ''}{more}{tag}@example.com")
    assert is_role(f"{role.upper()}7@example.com")
