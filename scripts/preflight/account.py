"""The account that is looked at, and the parameters as they are given."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.preflight.parameters import PARAMETERS


@dataclass(frozen=True, slots=True)
class Account:
    """Where the stack is to be, and what with."""

    client: Callable[[str], Any]
    """Gives a service's."""
    account: str
    region: str
    parameters: Mapping[str, str]
    stack: str = "coval-relay"
    owners: Mapping[str, object] = field(default_factory=dict)
    """Of relay.toml: buckets of other accounts."""
    options: str = ""
    """Those of the command line that say where the stack is."""

    def _given(self, name: str) -> list[str]:
        """Of a list CloudFormation takes the blanks around each member away."""
        text = self.parameters[name]
        return [part.strip() for part in text.split(",")] if PARAMETERS[name].is_list else [text]

    def listed(self, name: str) -> list[str]:
        """What is given and can be read."""
        return [part for part in self._given(name) if part and re.fullmatch(PARAMETERS[name].pattern, part)]

    def one(self, name: str) -> str:
        return next(iter(self.listed(name)), "")

    def misread(self, name: str) -> list[str]:
        """What the template does not take; what is required and empty is not given yet."""
        given = self._given(name) if self.parameters[name] or PARAMETERS[name].default else []
        return [part for part in given if not re.fullmatch(PARAMETERS[name].pattern, part)]

    def owner(self, bucket: str) -> str:
        return str(self.owners.get(bucket, self.account))

    @property
    def buckets(self) -> list[str]:
        return list(dict.fromkeys(self.listed("RecordingBuckets") + self.listed("TranscriptBuckets")))
