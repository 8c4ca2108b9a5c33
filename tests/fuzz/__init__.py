"""Whatever comes over a boundary is taken, or refused as it should be: `make fuzz`."""
