"""The queue: jobs, claims, leases, order keys, lanes, and the outcomes of attempts."""
