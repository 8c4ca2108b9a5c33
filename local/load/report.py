"""The table at the end of a load run."""

from collections.abc import Iterator, Mapping

from local.load.run import Result
from local.load.verification import MOST, Verdict, percentile

MOST_NAMED = 5


def render(result: Result) -> str:
    """One row a figure."""
    rows = list(_rows(result))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _rows(result: Result) -> Iterator[tuple[str, str]]:
    yield "calls", f"{result.calls:,}"
    yield "events", f"{result.events:,} (sent in {result.sending_seconds:.0f} s)"
    yield "throughput", f"{_rate(result.events, result.submit_seconds)} events a second"
    half, most = percentile(result.waits, 0.5), percentile(result.waits, MOST)
    yield "sent to submitted", f"p50 {half:.0f} s, p95 {most:.0f} s"
    yield from ((name, str(count)) for name, count in sorted(result.disturbed.items()))
    yield "requests to Coval", _counted(result.answers)
    yield "requests a call", _rate(result.needed + result.wasted, result.calls)
    yield "wasted", f"{result.wasted / max(result.needed, 1):.2f} for each that was needed"
    yield "against the least", f"{_times(result.submit_seconds, result)} times {result.least_seconds:.0f} s"
    yield "95 % of the calls", f"{_times(result.most_seconds, result)} times"
    yield "faults of AWS", _counted(_of_faults(result.aws))
    yield "deleted as doubles", str(result.deleted)
    yield from _of_verdict(result.verdict)
    yield "dead letters", _named(result.dead_letters)
    yield (
        "minutes",
        f"{result.seconds / 60:.1f} (the last call was in Coval after {result.submit_seconds / 60:.1f})",
    )


def _of_verdict(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "lost", _named(verdict.lost)
    yield "doubled", _named(verdict.doubled)
    yield "another text", _named(verdict.wrong_text)
    yield "another audio", _named(verdict.wrong_audio)
    yield "unfinished", _named(verdict.unfinished)
    yield "of no call", _named(verdict.unknown)
    yield "pending", _named(verdict.pending)


def _named(names: tuple[str, ...]) -> str:
    return " ".join([str(len(names)), *names[:MOST_NAMED]])


def _of_faults(met: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in met.items() if not name.endswith(" passed")}


def _counted(counts: Mapping[str, int]) -> str:
    listed = "; ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    return f"{sum(counts.values()):,}: {listed}"


def _times(seconds: float, result: Result) -> str:
    return f"{seconds / result.least_seconds:.2f}"


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds:.1f}" if seconds > 0 else "-"
