"""The verbs of Lockstitch, one story a file. They reach the world through `app.ports` only."""
