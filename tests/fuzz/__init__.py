"""Whatever comes over a border is taken, or refused as it should be: `make fuzz`."""
