"""An emulator of a Salesforce org: contacts, cases, orders, SOQL and composite requests, as its REST API answers."""

from emulators.salesforce.emulator import Salesforce
from emulators.vendor import Emulator

EMULATOR: Emulator = Salesforce()
