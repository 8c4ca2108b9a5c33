"""Whatever comes over a boundary is taken, or rejected as it should be: `make fuzz`."""
