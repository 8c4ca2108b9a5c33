"""Mutation testing of the state and the services: `make mutants`."""
