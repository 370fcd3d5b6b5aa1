"""The beginning of a vendor: files from templates, and the places where the project names its vendors."""
