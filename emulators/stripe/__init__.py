"""An emulator of Stripe: customers, invoices and their items, checkout sessions, as its API answers."""

from emulators.stripe.emulator import Stripe
from emulators.vendor import Emulator

EMULATOR: Emulator = Stripe()
