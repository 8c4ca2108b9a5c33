"""How many requests the gateway lets through."""

import math
from dataclasses import dataclass


@dataclass
class TokenBucket:
    """A second's requests at once, and so many each second (Amazon API Gateway, throttling)."""

    tokens: float = 0.0
    filled: float = 0.0
    """When it was looked at last, in seconds of any clock."""

    def wait(self, now: float, rate: float) -> int:
        """Take a token: 0; where there is none, the whole seconds until there is one."""
        self.tokens = min(max(rate, 1.0), self.tokens + (now - self.filled) * rate)
        self.filled = now
        if self.tokens < 1:
            return math.ceil((1 - self.tokens) / rate)
        self.tokens -= 1
        return 0
