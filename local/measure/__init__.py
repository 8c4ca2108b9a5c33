"""Figures that docs/testing.md quotes, printed by a command."""
