"""What runs beside the product on a developer's machine: the Coval simulator, the local stack, the demo."""
