"""A runnable look-alike of HubSpot's CRM API."""

from emulators.hubspot.emulator import HubSpot

EMULATOR = HubSpot()
