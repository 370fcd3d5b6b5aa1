"""The canonical model: customers, orders, tickets and comments. Pure: no I/O, no vendor code."""
