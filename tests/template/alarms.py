"""Evaluates an alarm of the template on its metrics' values, as CloudWatch does.

Source: CloudWatch user guide, "Configuring how alarms treat missing data" and "Alarm evaluation".
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RANGE_BEYOND = 2
"""How many periods CloudWatch looks at besides those that it evaluates (the guide's own example: five for three)."""
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}
STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {"Sum": sum, "Maximum": max}
OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True)
class Metric:
    """What a metric is known by."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> "Metric":
        dimensions = frozenset((one["Name"], one["Value"]) for one in properties["Dimensions"])
        return cls(properties["Namespace"], properties["MetricName"], dimensions)


Samples = Mapping[Metric, Sequence[tuple[float, float]]]
"""By metric: when (seconds) which value was reported."""


def metrics_of(alarm: Mapping[str, Any]) -> list[Metric]:
    """The metrics that an alarm reads."""
    if "Metrics" not in alarm:
        return [Metric.of(alarm)]
    return [Metric.of(one["MetricStat"]["Metric"]) for one in alarm["Metrics"] if "MetricStat" in one]


def period_of(alarm: Mapping[str, Any]) -> int:
    stats = [one["MetricStat"] for one in alarm.get("Metrics", ()) if "MetricStat" in one]
    (period,) = {int(one["Period"]) for one in stats or [alarm]}
    return period


def states(alarm: Mapping[str, Any], samples: Samples, periods: int) -> list[str]:
    """The alarm's state at the end of each of so many periods."""
    points = [_point(alarm, samples, index) for index in range(periods)]
    return [_state(alarm, points[: index + 1]) for index in range(periods)]


def _state(alarm: Mapping[str, Any], points: Sequence[float | None]) -> str:
    """Real points come first, however old; only what they leave open is filled in."""
    wanted = int(alarm["EvaluationPeriods"])
    breaches, threshold = COMPARISONS[alarm["ComparisonOperator"]], float(alarm["Threshold"])
    real = [breaches(point, threshold) for point in points[-wanted - RANGE_BEYOND :] if point is not None][-wanted:]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    evaluated = [*real, *[missing] * (wanted - len(real))]
    return "ALARM" if sum(evaluated) >= int(alarm.get("DatapointsToAlarm", wanted)) else "OK"


def _point(alarm: Mapping[str, Any], samples: Samples, index: int) -> float | None:
    if "Metrics" not in alarm:
        return _statistic(Metric.of(alarm), alarm["Statistic"], int(alarm["Period"]), samples, index)
    (expression,) = (one["Expression"] for one in alarm["Metrics"] if one.get("ReturnData", True))
    values = {}
    for one in alarm["Metrics"]:
        if stat := one.get("MetricStat"):
            metric = Metric.of(stat["Metric"])
            values[one["Id"]] = _statistic(metric, stat["Stat"], int(stat["Period"]), samples, index)
    return _math(ast.parse(expression, mode="eval").body, values)


def _statistic(metric: Metric, statistic: str, period: int, samples: Samples, index: int) -> float | None:
    values = [value for when, value in samples.get(metric, ()) if index * period <= when < (index + 1) * period]
    return STATISTICS[statistic](values) if values else None


def _math(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    """Metric math: what is missing, or divided by nothing, gives no point; FILL puts a value in its place."""
    match node:
        case ast.Constant(value=float() | int() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[series, filling]):
            return _filled(_math(series, values), _math(filling, values))
        case ast.Call(func=ast.Name(id="SUM"), args=[several]):
            return sum(_present(_several(several, values)))
        case ast.BinOp(left=left, op=what, right=right):
            first, second = _math(left, values), _math(right, values)
            if first is None or second is None or (isinstance(what, ast.Div) and second == 0):
                return None
            return OPERATORS[type(what)](first, second)
    raise AssertionError(ast.dump(node))


def _several(node: ast.expr, values: Mapping[str, float | None]) -> list[float | None]:
    """An array of series: METRICS() is all that the alarm reads."""
    match node:
        case ast.Call(func=ast.Name(id="METRICS"), args=[]):
            return list(values.values())
        case ast.Call(func=ast.Name(id="FILL"), args=[several, filling]):
            return [_filled(point, _math(filling, values)) for point in _several(several, values)]
    raise AssertionError(ast.dump(node))


def _filled(point: float | None, filling: float | None) -> float | None:
    return filling if point is None else point


def _present(points: Sequence[float | None]) -> list[float]:
    """What the guide leaves open, a sum of something missing, no alarm may need."""
    assert None not in points
    return [point for point in points if point is not None]
