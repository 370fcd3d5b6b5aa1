"""Settings: the environment, `lockstitch.toml`, and the drift and egress rules in them."""
