"""What the emulated AWS is started with, in an environment of its own."""
