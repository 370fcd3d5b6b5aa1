"""Dead letters: inspect, edit, redrive, discard; bulk redrives."""
