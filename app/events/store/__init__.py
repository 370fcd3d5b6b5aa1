"""Events, subscriptions, deliveries and last-seen record states in PostgreSQL."""
