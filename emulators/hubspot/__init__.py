"""A runnable emulator of HubSpot's CRM API."""

from emulators.hubspot.emulator import HubSpot

EMULATOR = HubSpot()
