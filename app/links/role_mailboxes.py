"""Recognise addresses of an office, such as `info@`: several people use one, so it never joins two customers."""

import re
import unicodedata
from typing import Final

_ROLES: Final = """
abonnement abuse accounting accounts accountspayable accountsreceivable admin administracion administracja
administrator agence alert alerts amministrazione analytics anfrage anmeldung ap applications ar archiv asiakaspalvelu
asistencia assistance atencion atencioncliente auftrag ausbildung backoffice bestelling bestellung bestellungen
bewerbung billing biuro boekhouding bokhaldur book booking bookings bookkeeping bounce buchhaltung buero buro business
callcenter campaign care career careers cashier catering checkout clientes clients cobranzas comercial commande
commandes commercial communication compliance compras compta comptabilite comptable comunicacion contabilidad
contabilidade contabilita contact contacto contactus contato contatto controlling correo correspondence courrier
credit cs customer customercare customers customerservice customersuccess daemon datenschutz debitoren demo desk devs
direccion direction direktion direzione dispatch dispo domain donotreply dpo dsgvo ecommerce einkauf ekonomi email
empfang enquiries enquiry event events export facturacion facturation facture facturen factures faktura fakturace
fakturering fatturazione fatture feedback finance financeiro finances finanzen frontdesk fulfillment garantie gerencia
geschaeftsfuehrung geschaeftsstelle gestion gewaehrleistung hallo hausverwaltung hej hello help helpcenter helpdesk hi
hilfe hola hostmaster hotline hr iletisim immobilien impressum info infodesk infomail informacion informatie
informatik information informationen ingenieria inkoop inquiries inquiry insurance international invoice invoices
invoicing it jobs juridique kanzlei karriere kassa kasse klantenservice klient kontakt kontor kreditoren kunde kunden
kundenbetreuung kundendienst kundenservice kundeservice kundtjanst lager legal leitung licensing lieferung logistica
logistics logistik logistique lohn magasin mail mailbox mailer mailerdaemon mailing management manager mantenimiento
marketing marketplace media meldung membership messages mitglieder monitoring news newsletter nobody noc nomina
noreply notification notifications obchod objednavky office officemanager offices online onlineshop operations
operator ordens order ordering orders ordini ordre pagamentos partner partners partnership pay payable payment
payments payroll pedidos personal personalabteilung phishing planung poczta podrska portal post postbox postkasse
postmaster pr praxis prensa presidencia press presse privacy procurement produktion projects promo purchase purchasing
quality receipts recepcion receptie reception rechnung rechnungen rechnungseingang reclamation recruiting recruitment
redaktion registration reklamation relations reparatur reply request requests reservas reservation reservations
reservering reservierung restaurant retouren returns rezeption rma root rrhh sac sales salesteam sav schadensmeldung
secretaria secretariat secretary security segreteria sekretariat server service serviceclient servicedesk services
servicio shared shipping shop signup soporte spam sprzedaz staff store subscribe subscriptions suggestions suporte
support supportdesk system systems team teams tech technik technology telesales ticket tickets tienda trade training
treasury uctarna undisclosed unsubscribe updates usenet vanzari vendas vendite vendor ventas vente ventes verkauf
verkoop verkopen versand vertrieb verwaltung voicemail warehouse web webadmin webinfo webmaster webshop welcome
werbung werkstatt wholesale workshop www zahlung zakaz zakupy zamowienia zentrale
бухгалтерия заказ инфо поддержка продажи
"""
ROLES: Final = frozenset(_ROLES.split())
"""First words of the addresses of offices, in many languages, without accents."""
COUNTRIES: Final = "at be ch cz de dk es eu fi fr ie it lu nl no pl pt ro se uk us"
SHORT: Final = 3
"""Roles of at most so many letters are initials too: they count only without the name of a person."""
_SIGNS: Final = re.compile(r"[^\W\d_]+")
_WITH_COUNTRY: Final = re.compile(rf"(.{{4,}})(?:{'|'.join(COUNTRIES.split())})")


def is_role(email: str) -> bool:
    """Return whether an address stands for an office, by the first word of its local part: `info@`, `info-de@`,
    `support1@`, `no-reply+7@`, `office.berlin@`, `salesuk@`."""
    local = email.rpartition("@")[0].partition("+")[0].lower()
    words = _SIGNS.findall(local if local.isascii() else _plain(local))
    if not words or "".join(words) in ROLES:
        return bool(words)
    first, rest = words[0], words[1:]
    with_country = _WITH_COUNTRY.fullmatch(first)
    if first not in ROLES and (with_country is None or with_country[1] not in ROLES):
        return False
    return len(first) > SHORT or all(len(one) <= SHORT or one in ROLES for one in rest)


def _plain(text: str) -> str:
    """Without accents."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(one for one in parts if not unicodedata.combining(one)).replace("\u00df", "ss")
