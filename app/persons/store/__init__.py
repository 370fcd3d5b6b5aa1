"""SQL of persons and erasures."""
