"""What an operator decides: the environment, `lockstitch.toml`, and the rules both contain."""
