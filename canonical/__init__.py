"""What Lockstitch means by a customer, an order, a ticket and a comment. Pure: no I/O, no vendor."""
