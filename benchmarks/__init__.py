"""Measure what Lockstitch costs, as ratios to floors of the same run: `python -m benchmarks`."""
