"""The configuration that holds now: the deployed one, or the SSM parameter's that takes its place."""

from collections.abc import Callable
from pathlib import Path

from coval_relay.configuration.document import Configuration
from coval_relay.configuration.parsing import FILE, ConfigurationError, parse
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.ports import ParameterVersion, VersionedParameter

DEPLOYED = Path(__file__).parents[1] / FILE
"""The build has checked it, and put it there."""
LIFE_SECONDS = 300
VERSIONS = 5
"""How many versions before a broken one are looked at."""
UNUSABLE = "configuration_unusable"


def deployed() -> Configuration:
    """The document that came with the deploy; raises ConfigurationError."""
    return parse(DEPLOYED.read_text(encoding="utf-8"))


class CurrentConfiguration:
    """Reads the parameter again after LIFE_SECONDS; `clock` is monotonic.

    The last good document stays while the parameter cannot be read or breaks a rule, which each reading reports. An
    execution environment that has seen none yet looks for it among the versions before the broken one, so that all of
    them do the same.
    """

    def __init__(
        self,
        deployed: Configuration,
        parameter: VersionedParameter,
        clock: Callable[[], float],
        report: Callable[[str], None],
    ) -> None:
        self._deployed, self._parameter, self._clock, self._report = deployed, parameter, clock, report
        self._good: Configuration | None = None
        self._read_at = 0.0

    def __call__(self) -> Configuration:
        """Raises RetryableError where no good document is known: operators mend that, and messages wait."""
        now = self._clock()
        if self._good is None or now - self._read_at >= LIFE_SECONDS:
            self._good, self._read_at = self._renewed(), now
        return self._good

    def _renewed(self) -> Configuration:
        try:
            newest = self._parameter.read()
        except RetryableError as error:
            self._report(error.code)
            if self._good is None:
                raise
            return self._good
        try:
            return self._parsed(newest)
        except ConfigurationError as error:
            self._report(str(error))
            return self._good or self._last_good_before(newest.number)

    def _parsed(self, version: ParameterVersion) -> Configuration:
        return parse(version.text, self._parameter.name, self._deployed)

    def _last_good_before(self, number: int) -> Configuration:
        for earlier in range(number - 1, max(number - 1 - VERSIONS, 0), -1):
            try:
                return self._parsed(self._parameter.read(earlier))
            except ConfigurationError:
                continue
        raise RetryableError(UNUSABLE)
