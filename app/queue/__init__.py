"""The queue: jobs, claims, leases, order keys, lanes, and how attempts end."""
