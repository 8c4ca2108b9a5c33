"""Alarms: each rises at what it is for, clears by itself, notifies the topic, and stands in docs/operations.md."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from coval_relay.adapters.aws import telemetry
from coval_relay.domain import backoff
from coval_relay.domain.errors import RetryableError
from coval_relay.domain.log_events import LogEvent
from coval_relay.platforms.registry import PLATFORMS
from tests.support.events import call_ended, wav
from tests.support.fakes import FakeClock
from tests.support.scenarios import put
from tests.support.world import World
from tests.template import alarms
from tests.template.alarms import Metric, Samples, states
from tests.template.cloudformation import Stack
from tests.template.deployments import FULLEST, QUEUE_OF, TOPIC
from tests.template.tools import PROJECT

Alarm = dict[str, Any]
PERIOD = 300
SILENCE_SECONDS = 3600
OLDEST_WAIT = "OldestWait"
"""No event's own metric: every line that names an age carries it."""


@pytest.fixture(scope="session")
def stack(fullest: Stack) -> Stack:
    """With every alarm that there is."""
    return Stack(fullest.template, {**FULLEST, "SilenceAlarmSeconds": str(SILENCE_SECONDS)})


def alarms_of(stack: Stack) -> dict[str, Alarm]:
    return {name: one["Properties"] for name, one in stack.resources("AWS::CloudWatch::Alarm").items()}


def read(stack: Stack) -> set[tuple[str, str, frozenset[tuple[str, str]]]]:
    """What the alarms read, but the shares."""
    calculated = {name for name, alarm in alarms_of(stack).items() if "Metrics" in alarm}
    assert calculated == {"WaitingShareAlarm", "SweepStoppedAlarm", *OF_RULES}
    plain = {name: alarm for name, alarm in alarms_of(stack).items() if name != "WaitingShareAlarm"}
    found = [metric for alarm in plain.values() for metric in alarms.metrics_of(alarm)]
    assert len(found) == len(set(found))
    return {(metric.namespace, metric.name, metric.dimensions) for metric in found}


def dimension(name: str, value: str) -> frozenset[tuple[str, str]]:
    return frozenset({(name, value)})


OWN = (
    *("OperatorNeeded", "Waiting", OLDEST_WAIT, "CircuitOpened", "Failed", "HideFailed", "WaitedTooLong"),
    *("CallRejected", "RejectedInput", "ExtraConversationDeleted", "ConfigurationUnreadable", "Swept"),
    *("WebhookRejected", "WebhookFailed"),
)
OF_RULES = {"EventsUndeliveredAlarm": "FailedInvocations", "EventsLostAlarm": "InvocationsFailedToBeSentToDlq"}
AT_ONCE = ("WebhookRejectedAlarm", "WebhookFailedAlarm", "ReceiveWebhookErrorsAlarm", "ReceiveWebhookThrottlesAlarm")
"""Looked at every minute: what is lost at the door is lost for good, where the vendor does not send again."""


def test_everything_that_can_go_wrong_has_its_alarm(fullest: Stack) -> None:
    queues = [f"{queue}Queue.QueueName" for queue in QUEUE_OF.values()]
    dead_letters = [*(f"{queue}DeadLetterQueue.QueueName" for queue in QUEUE_OF.values()), "UndeliveredQueue.QueueName"]
    assert read(fullest) == {
        *(("CovalRelay", name, dimension("service", "relay")) for name in OWN),
        *(("AWS/SQS", "ApproximateNumberOfMessagesVisible", dimension("QueueName", name)) for name in dead_letters),
        *(
            ("AWS/SQS", name, dimension("QueueName", queue))
            for name in ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesNotVisible")
            for queue in queues
        ),
        *(
            ("AWS/Lambda", name, dimension("FunctionName", f"{function}Function"))
            for name in ("Errors", "Throttles", "RecursiveInvocationsDropped")
            for function in QUEUE_OF
        ),
        *(
            ("AWS/Lambda", name, dimension("FunctionName", "ReceiveWebhookFunction"))
            for name in ("Errors", "Throttles")
        ),
        *(("AWS/Events", name, rule) for name in OF_RULES.values() for rule in rules(fullest)),
    }


def rules(stack: Stack) -> Iterator[frozenset[tuple[str, str]]]:
    """EventBridge names a rule's metrics by the bus too, where that is not the default one."""
    for name, rule in stack.resources("AWS::Events::Rule").items():
        bus = rule["Properties"].get("EventBusName", "default")
        yield frozenset({("RuleName", name), *([] if bus == "default" else [("EventBusName", bus)])})


def test_rules_that_are_not_there_have_no_alarm(smallest: Stack) -> None:
    watched = {dimensions for namespace, _, dimensions in read(smallest) if namespace == "AWS/Events"}
    assert watched == set(rules(smallest))


MOST_METRICS = 10
"""CloudWatch: of an alarm with metric math."""


def test_the_rules_of_every_platform_fit_into_one_alarm(fullest: Stack) -> None:
    every = ",".join(listing.name for listing in PLATFORMS)
    stack = Stack(fullest.template, {**FULLEST, "Platforms": every})
    for name, metric in OF_RULES.items():
        read_by = alarms.metrics_of(stack.properties(name))
        assert {one.dimensions for one in read_by if one.name == metric} == set(rules(stack))
        assert len(stack.properties(name)["Metrics"]) <= MOST_METRICS


def test_alarms_tell_the_topic_when_they_begin_and_when_they_end(stack: Stack) -> None:
    for name, alarm in alarms_of(stack).items():
        assert (alarm["AlarmActions"], alarm["OKActions"]) == ([TOPIC], [TOPIC]), name
        assert re.fullmatch(r"\w.*\w\.", alarm["AlarmDescription"]), name


def test_alarms_without_a_topic_tell_nobody(smallest: Stack) -> None:
    for alarm in alarms_of(smallest).values():
        assert not {"AlarmActions", "OKActions"} & set(alarm)


def test_own_metrics_stand_on_the_dashboard(stack: Stack) -> None:
    shown = "".join(stack.properties(name)["DashboardBody"] for name in ("Dashboard", "WebhookDashboard"))
    own = {metric.name for alarm in alarms_of(stack).values() for metric in alarms.metrics_of(alarm)}
    assert [name for name in own & counted() if f'"{name}"' not in shown] == []


def counted() -> set[str]:
    return {event.value[2] for event in LogEvent if event.value[2]} | {OLDEST_WAIT}


def test_dashboard_is_json_and_shows_counted_metrics_only(stack: Stack) -> None:
    widgets = json.loads(stack.properties("Dashboard")["DashboardBody"])["widgets"]
    for title in ("Calls", "What waits", "Oldest wait (s)"):
        (shown,) = (one["properties"]["metrics"] for one in widgets if one["properties"]["title"] == title)
        assert {metric[1] for metric in shown} <= counted()


# --- what AWS reports

AT_MOST = {
    "ApproximateNumberOfMessagesVisible": 0.0,
    "ApproximateAgeOfOldestMessage": 3600.0,
    "ApproximateNumberOfMessagesNotVisible": 99_999.0,
    "Errors": 0.0,
    "Throttles": 0.0,
    "RecursiveInvocationsDropped": 0.0,
}


def test_alarms_on_aws_metrics_rise_at_the_first_sign_and_clear_when_it_is_over(stack: Stack) -> None:
    seen = set()
    for name, alarm in alarms_of(stack).items():
        metric, *others = alarms.metrics_of(alarm)
        if metric.name not in AT_MOST or others:
            continue
        seen.add(metric.name)
        most = AT_MOST[metric.name]
        period = alarms.period_of(alarm)
        assert period == (60 if name in AT_ONCE else PERIOD)
        first, second, third = 10, period + 10, 2 * period + 10
        assert states(alarm, {metric: [(first, most), (second, most)]}, 3) == ["OK"] * 3, name
        risen = states(alarm, {metric: [(first, most), (second, most + 1), (third, most)]}, 4)
        assert risen == ["OK", "ALARM", "OK", "OK"], name
    assert seen == set(AT_MOST)


def test_alarms_on_aws_metrics_clear_where_aws_tells_nothing_more(stack: Stack) -> None:
    """Lambda reports no zeros."""
    for name, alarm in alarms_of(stack).items():
        metric, *others = alarms.metrics_of(alarm)
        if metric.name in AT_MOST and not others:
            assert states(alarm, {metric: [(10, AT_MOST[metric.name] + 1)]}, 6)[-1] == "OK", name
            assert states(alarm, {}, 3) == ["OK"] * 3, name


@pytest.mark.parametrize("name", OF_RULES)
def test_each_rule_alone_raises_the_alarm_of_all(stack: Stack, name: str) -> None:
    """EventBridge reports no zeros, and some of its figures late: a period is looked at once more."""
    alarm = stack.properties(name)
    assert alarms.period_of(alarm) == PERIOD
    for metric in alarms.metrics_of(alarm):
        found = states(alarm, {metric: [(PERIOD + 10, 1.0)]}, 5)
        assert found == ["OK", "ALARM", "ALARM", "OK", "OK"], metric
    assert states(alarm, {}, 3) == ["OK"] * 3


# --- what the log lines carry


@pytest.fixture
def report(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator["Report"]:
    for name, value in stack.properties("SubmitTranscriptFunction")["Environment"]["Variables"].items():
        monkeypatch.setenv(name, str(value))
    _forget()
    yield Report(capsys)
    _forget()


def _forget() -> None:
    telemetry.logger.cache_clear()
    telemetry.metrics.cache_clear()
    telemetry.metrics().clear_metrics()


class Report:
    """The metrics in the lines that the real telemetry writes, with the times that the test gives them."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.samples: dict[Metric, list[tuple[float, float]]] = defaultdict(list)

    def __call__(self, when: float, event: LogEvent, **fields: str | int) -> None:
        telemetry.report(event, "call-1", **fields)
        telemetry.flush()
        for line in map(json.loads, self._capsys.readouterr().out.splitlines()):
            for group in line.get("_aws", {}).get("CloudWatchMetrics", ()):
                self._take(when, line, group)

    def _take(self, when: float, line: dict[str, Any], group: dict[str, Any]) -> None:
        (names,) = group["Dimensions"]
        dimensions = frozenset((name, line[name]) for name in names)
        for metric in group["Metrics"]:
            values = [(when, value) for value in line[metric["Name"]]]
            self.samples[Metric(group["Namespace"], metric["Name"], dimensions)] += values


ONCE = {
    "OperatorNeededAlarm": "OPERATOR_NEEDED",
    "CircuitOpenAlarm": "CIRCUIT_OPENED",
    "FailedAlarm": "DELIVERY_FAILED",
    "HideFailedAlarm": "HIDE_FAILED",
    "CallRejectedAlarm": "CALL_REJECTED",
    "RejectedInputAlarm": "INPUT_REJECTED",
    "WaitedTooLongAlarm": "WAITED_TOO_LONG",
    "ExtraConversationAlarm": "EXTRA_CONVERSATION_DELETED",
    "ConfigurationAlarm": "CONFIGURATION_UNREADABLE",
    "WebhookRejectedAlarm": "WEBHOOK_REJECTED",
    "WebhookFailedAlarm": "WEBHOOK_FAILED",
}


@pytest.mark.parametrize("name", ONCE)
def test_one_line_is_enough(stack: Stack, report: Report, name: str) -> None:
    alarm = stack.properties(name)
    report(alarms.period_of(alarm) + 10, LogEvent[ONCE[name]])
    found = states(alarm, report.samples, 14)
    assert found[:2] == ["OK", "ALARM"]
    assert found[-1] == "OK"


@pytest.mark.parametrize("name", ONCE)
def test_other_lines_are_not(stack: Stack, report: Report, name: str) -> None:
    alarm = stack.properties(name)
    for event in LogEvent:
        if event.value[2] != alarm["MetricName"]:
            report(400, event, age_seconds=10)
    assert set(states(alarm, report.samples, 5)) == {"OK"}


def test_words_that_cannot_be_sent_are_told(stack: Stack, report: Report) -> None:
    report(10, LogEvent.TRANSCRIPT_DROPPED, code="invalid_transcript")
    assert states(stack.properties("RejectedInputAlarm"), report.samples, 1) == ["ALARM"]


@pytest.mark.parametrize("event", [LogEvent.CALL_GIVEN_UP, LogEvent.RECORDING_GIVEN_UP, LogEvent.AUDIT_GIVEN_UP])
def test_what_was_given_up_has_waited_too_long(stack: Stack, report: Report, event: LogEvent) -> None:
    report(10, event)
    assert states(stack.properties("WaitedTooLongAlarm"), report.samples, 1) == ["ALARM"]


@pytest.mark.parametrize(("lines", "state"), [(100, "OK"), (101, "ALARM")])
def test_many_that_wait(stack: Stack, report: Report, lines: int, state: str) -> None:
    for number in range(lines):
        report(number, LogEvent.MESSAGE_WAITING, seconds=15, age_seconds=number)
    assert states(stack.properties("WaitingAlarm"), report.samples, 1) == [state]


@pytest.mark.parametrize(("age", "state"), [(3600, "OK"), (3601, "ALARM")])
def test_one_that_has_waited_for_long(stack: Stack, report: Report, age: int, state: str) -> None:
    report(10, LogEvent.OPERATOR_NEEDED, seconds=15, age_seconds=5)
    report(20, LogEvent.OPERATOR_NEEDED, seconds=15, age_seconds=age)
    assert states(stack.properties("OldestWaitAlarm"), report.samples, 1) == [state]


SWEEPS = range(0, 20 * PERIOD, 60)


def invocations(function: str, times: Iterable[float]) -> Samples:
    metric = Metric("AWS/Lambda", "Invocations", dimension("FunctionName", f"{function}Function"))
    return {metric: [(when, 1.0) for when in times]}


def test_a_large_share_that_waits(stack: Stack, report: Report) -> None:
    """One call in an outage, tried by the policy: the alarm need not wait until there are many."""
    tries = list(tries_until(1800))
    for age in tries:
        report(age, LogEvent.MESSAGE_WAITING, seconds=15, age_seconds=age)
    samples = {**report.samples, **invocations("SubmitTranscript", tries), **invocations("AttachRecording", SWEEPS)}
    found = states(stack.properties("WaitingShareAlarm"), samples, 20)
    assert found[0] == "ALARM"
    assert found[-1] == "OK"


def test_a_small_share_that_waits_is_usual(stack: Stack, report: Report) -> None:
    report(10, LogEvent.MESSAGE_WAITING, seconds=15, age_seconds=0)
    samples = {**report.samples, **invocations("SubmitTranscript", [10]), **invocations("AttachRecording", SWEEPS)}
    assert set(states(stack.properties("WaitingShareAlarm"), samples, 20)) == {"OK"}


def test_no_share_where_nothing_runs(stack: Stack) -> None:
    assert set(states(stack.properties("WaitingShareAlarm"), {}, 20)) == {"OK"}


def tries_until(seconds: int) -> Iterator[int]:
    """When a message is tried that waits all the time, with the longest pauses that the policy gives."""
    age = 0
    while age < seconds:
        yield age
        age += backoff.by_age(age, 0.999)


@pytest.mark.parametrize(
    ("name", "event", "from_age"),
    [("OperatorNeededAlarm", LogEvent.OPERATOR_NEEDED, 0), ("OldestWaitAlarm", LogEvent.MESSAGE_WAITING, 3600)],
)
def test_an_alarm_does_not_clear_between_long_pauses(
    stack: Stack, report: Report, name: str, event: LogEvent, from_age: int
) -> None:
    """Three days of one waiting message: what a period of five minutes alone would see is mostly nothing."""
    outage = 3 * 86_400
    tries = list(tries_until(outage))
    for age in tries:
        report(age, event, seconds=15, age_seconds=age)
    found = states(stack.properties(name), report.samples, outage // PERIOD + 12)
    first = next(age for age in tries if age >= from_age) // PERIOD
    assert set(found[:first]) <= {"OK"}
    assert set(found[first : outage // PERIOD]) == {"ALARM"}
    assert found[-1] == "OK"


class TimedWorld(World):
    """The in-memory world, whose reports become metrics at the time when they are made."""

    def __init__(self, report: Report, start: int) -> None:
        self._metrics, self._start = report, start
        super().__init__(clock=FakeClock(start))

    def _report(self, event: LogEvent, external_conversation_id: str = "", **fields: str | int) -> None:
        self._metrics(self.clock.now - self._start, event, **fields)
        super()._report(event, external_conversation_id, **fields)


@pytest.mark.parametrize("code", ["unauthenticated", "permission_denied", "agent_unknown", "metrics_unknown"])
def test_a_wrong_setting_is_reported_from_the_first_call_to_the_last(stack: Stack, report: Report, code: str) -> None:
    """In the real functions, in memory: one call in three hours of it."""
    outage, after = 3, 1
    world = TimedWorld(report, FakeClock().now)
    world.coval.errors = [("submit", RetryableError(code), False)] * 10_000
    world.send("call_end", call_ended())
    world.run(hours=outage)
    world.coval.errors = []
    world.run(hours=after)
    assert len(world.coval.conversations) == 1
    found = states(stack.properties("OperatorNeededAlarm"), report.samples, (outage + after) * 12)
    assert set(found[: outage * 12]) == {"ALARM"}
    assert found[-1] == "OK"


def test_a_late_recording_that_is_tried_in_vain_is_reported_after_an_hour(stack: Stack, report: Report) -> None:
    """It waits in its item: no queue's age tells."""
    world = TimedWorld(report, FakeClock().now)
    world.send("call_end", call_ended())
    world.run(hours=1)
    began = world.clock.now
    world.coval.errors = [("attach", RetryableError("unavailable"), False)] * 10_000
    world.send("recording", put(world, wav()))
    world.run(hours=24)
    found = states(stack.properties("OldestWaitAlarm"), report.samples, (began - FakeClock().now) // PERIOD + 24 * 12)
    assert found.index("ALARM") * PERIOD <= began - FakeClock().now + 2 * 3600
    assert set(found[found.index("ALARM") :]) == {"ALARM"}


def test_silence(stack: Stack, report: Report) -> None:
    """By whichever comes, the call's end or its recording."""
    alarm = stack.properties("SilenceAlarm")
    report(100, LogEvent.CALL_END_RECEIVED)
    report(SILENCE_SECONDS + 100, LogEvent.RECORDING_RECEIVED)
    report(4 * SILENCE_SECONDS, LogEvent.CALL_END_RECEIVED)
    assert alarms.period_of(alarm) == SILENCE_SECONDS
    assert states(alarm, report.samples, 5) == ["OK", "OK", "ALARM", "ALARM", "OK"]


def test_silence_is_usual_where_nobody_asks(fullest: Stack) -> None:
    assert "SilenceAlarm" not in alarms_of(fullest)


def test_a_sweep_that_does_not_run(stack: Stack, report: Report) -> None:
    """For an hour there is nothing to do, for another no sweep."""
    alarm = stack.properties("SweepStoppedAlarm")
    world = TimedWorld(report, FakeClock().now)
    for minute in range(180):
        if not 60 <= minute < 120:
            world.sweep()
        world.clock.now += 60
    assert alarms.period_of(alarm) == PERIOD
    assert states(alarm, report.samples, 36) == ["OK"] * 14 + ["ALARM"] * 10 + ["OK"] * 12


def test_a_sweep_that_has_never_run(stack: Stack) -> None:
    """Of a metric that was never reported FILL may give nothing at all."""
    alarm = stack.properties("SweepStoppedAlarm")
    unfilled = [{**one, "Expression": "swept"} if "Expression" in one else one for one in alarm["Metrics"]]
    assert states(alarm, {}, 1) == states({**alarm, "Metrics": unfilled}, {}, 1) == ["ALARM"]


def test_every_own_alarm_is_proved_here(stack: Stack) -> None:
    own = {
        name
        for name, alarm in alarms_of(stack).items()
        if any(metric.namespace == "CovalRelay" for metric in alarms.metrics_of(alarm))
    }
    assert own == {*ONCE, "WaitingAlarm", "WaitingShareAlarm", "OldestWaitAlarm", "SilenceAlarm", "SweepStoppedAlarm"}


# --- what the page says

ROW = re.compile(r"^\| `(…?)(\w+Alarm)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_each_alarm_stands_in_one_row_of_the_page_and_each_row_for_an_alarm(stack: Stack) -> None:
    page = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [f"{open_}{name}" for open_, name, _, _ in ROW.findall(page)]
    assert len(rows) == len(set(rows)) == page.count("Alarm` |")
    found = [row_of(name, rows) for name in alarms_of(stack)]
    assert set(found) == set(rows)


def row_of(alarm: str, rows: list[str]) -> str:
    if alarm in rows:
        return alarm
    (row,) = (row for row in rows if row.startswith("…") and alarm.endswith(row[1:]))
    return row
