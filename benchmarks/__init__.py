"""What Lockstitch costs, as ratios to floors taken in the same run: `python -m benchmarks`."""
