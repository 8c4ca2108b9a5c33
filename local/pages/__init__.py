"""What of the project's pages is generated: `make pages` writes it, a test compares."""
