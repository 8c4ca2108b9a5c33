"""The local AWS, the Coval simulator, and the real template deployed between them."""
