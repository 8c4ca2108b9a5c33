"""Figures that README quotes, printed by a command."""
