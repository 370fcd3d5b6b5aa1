"""Building blocks for vendor folders: plain typed functions and small Structs."""
