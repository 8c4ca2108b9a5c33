"""Audio files by the hundred, each judged beside ffmpeg's full decode."""
