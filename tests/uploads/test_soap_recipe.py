"""The recipe for a SOAP service: what it exports is written at the consumers once, however often the recipe runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from tests.contract.facade import Facade
from tests.contract.samples import word
from tests.contract.waiting import until
from tests.http_server import LocalServer, Reply, Request

SCRIPT: Final = Path(__file__).parents[2] / "docs/examples/soap_to_upload.py"
LAYOUT: Final = """
[connections.erp]
vendor = "csv"

[connections.erp.csv]
object = "customers"
key = "Customer No"
constants = { kind = "person" }
columns = [
    { column = "Name", field = "last_name", required = true },
    { column = "E-mail", field = "emails[0].address" },
    { column = "State", field = "status", type = "enum", values = { A = "active", X = "blocked" } },
    { column = "Since", field = "created_at", type = "date" },
]

[[consumers]]
object = "customers"
connection = "hubspot"
sources = ["erp"]
fields = ["last_name", "emails"]
match_on = "email"
"""
NAMESPACE: Final = "https://erp.example/customers"
WSDL: Final = """<?xml version="1.0"?>
<definitions name="Customers" targetNamespace="{ns}" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:tns="{ns}"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <types><xs:schema targetNamespace="{ns}" elementFormDefault="qualified">
    <xs:complexType name="Customer"><xs:sequence>
      <xs:element name="Number" type="xs:string"/><xs:element name="Name" type="xs:string"/>
      <xs:element name="Email" type="xs:string" minOccurs="0"/><xs:element name="State" type="xs:string"/>
      <xs:element name="Since" type="xs:date"/></xs:sequence></xs:complexType>
    <xs:element name="ListCustomers"><xs:complexType><xs:sequence>
      <xs:element name="after" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
    <xs:element name="ListCustomersResponse"><xs:complexType><xs:sequence>
      <xs:element name="Customer" type="tns:Customer" minOccurs="0" maxOccurs="unbounded"/>
      <xs:element name="More" type="xs:boolean"/></xs:sequence></xs:complexType></xs:element>
  </xs:schema></types>
  <message name="In"><part name="parameters" element="tns:ListCustomers"/></message>
  <message name="Out"><part name="parameters" element="tns:ListCustomersResponse"/></message>
  <portType name="Port"><operation name="ListCustomers">
    <input message="tns:In"/><output message="tns:Out"/></operation></portType>
  <binding name="Binding" type="tns:Port">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="ListCustomers"><soap:operation soapAction="{ns}/ListCustomers"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
  <service name="Customers"><port name="Port" binding="tns:Binding"><soap:address location="{url}"/></port></service>
</definitions>"""
PAGE: Final = 2


class Erp(LocalServer):
    """A SOAP service with these customers, two on a page."""

    def __init__(self, customers: list[dict[str, str]]) -> None:
        self.customers = customers
        super().__init__(self._answer)

    def _answer(self, request: Request) -> Reply:
        wsdl = WSDL.format(ns=NAMESPACE, url=f"{self.url}/customers").encode()
        body = wsdl if request.method == "GET" else self._list(request.body)
        return Reply(headers=(("content-type", "text/xml; charset=utf-8"),), body=body)

    def _list(self, request: bytes) -> bytes:
        after = ElementTree.fromstring(request).findtext(f".//{{{NAMESPACE}}}after") or ""  # noqa: S314
        following = [one for one in self.customers if one["Number"] > after]
        envelope = ElementTree.Element("{http://schemas.xmlsoap.org/soap/envelope/}Envelope")
        body = ElementTree.SubElement(envelope, "{http://schemas.xmlsoap.org/soap/envelope/}Body")
        page = ElementTree.SubElement(body, f"{{{NAMESPACE}}}ListCustomersResponse")
        for customer in following[:PAGE]:
            record = ElementTree.SubElement(page, f"{{{NAMESPACE}}}Customer")
            for name, value in customer.items():
                ElementTree.SubElement(record, f"{{{NAMESPACE}}}{name}").text = value
        ElementTree.SubElement(page, f"{{{NAMESPACE}}}More").text = "true" if len(following) > PAGE else "false"
        return ElementTree.tostring(envelope)


@pytest.fixture(scope="module")
def facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch with an ERP system that exports, and a CRM that gets its customers."""
    with Facade(tmp_path_factory.mktemp("soap"), module_database_url, more=LAYOUT).running() as running:
        yield running


@pytest.fixture
def erp() -> Iterator[Erp]:
    marks = [word() for _ in range(3)]
    server = Erp(
        [
            {"Number": f"C{number}", "Name": f'Lee, "{mark}"', "Email": f"{mark}@example.com", "State": "A",
             "Since": "2026-05-01"}
            for number, mark in enumerate(marks)
        ]
    )  # fmt: skip
    yield server
    server.close()


def contacts(facade: Facade, erp: Erp) -> list[dict[str, Any]]:
    """What the CRM holds of each customer."""
    by_address = (facade.vendors.records("hubspot", "contacts", holding=one["Email"]) for one in erp.customers)
    return [record["properties"] for records in by_address for record in records]


def test_the_recipe_writes_each_customer_once(facade: Facade, erp: Erp) -> None:
    key = facade.make_key("customers:write").secret

    def run(name: str) -> subprocess.CompletedProcess[str]:
        options = ("--wsdl", f"{erp.url}/customers?wsdl", "--api", facade.api.url, "--connection", "erp", "--run", name)
        environment = {**os.environ, "LOCKSTITCH_API_KEY": key, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        command = [sys.executable, str(SCRIPT), *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def settle() -> None:
        until(lambda: facade.sql("SELECT count(*) AS number FROM job")[0]["number"] == 0)

    first = run("nightly-1")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "part 1: 3 rows, 3 accepted, 0 duplicates, 0 refused\n"
    settle()
    assert sorted(one["lastname"] for one in contacts(facade, erp)) == sorted(one["Name"] for one in erp.customers)

    writes = [call for call in facade.vendors.calls("hubspot") if call["method"] in ("POST", "PATCH")]
    again, next_night = run("nightly-1"), run("nightly-2")
    assert again.stdout == first.stdout
    assert next_night.stdout == "part 1: 3 rows, 0 accepted, 3 duplicates, 0 refused\n"
    settle()
    assert len(contacts(facade, erp)) == 3
    assert [call for call in facade.vendors.calls("hubspot") if call["method"] in ("POST", "PATCH")] == writes

    erp.customers[1] |= {"Name": "Renamed"}
    assert "idempotency-key-reused" in run("nightly-2").stderr
    erp.customers[2] |= {"State": "?"}
    refused = run("nightly-3")
    assert (refused.returncode, refused.stdout) == (3, "part 1: 3 rows, 2 accepted, 1 duplicates, 1 refused\n")
    settle()
    assert [one["lastname"] for one in contacts(facade, erp)].count("Renamed") == 1
