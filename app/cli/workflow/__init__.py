"""Commands for those who build workflows in n8n: lint a workflow's file, and compare two versions by meaning."""
