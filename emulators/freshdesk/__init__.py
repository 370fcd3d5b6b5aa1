"""An emulator of Freshdesk, API v2. Built from the vendor's documentation and recordings."""

from emulators.freshdesk.emulator import Freshdesk

EMULATOR = Freshdesk()
