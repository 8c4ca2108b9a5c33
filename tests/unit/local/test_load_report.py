"""The table at the end of a load run."""

from dataclasses import replace

from local.load.report import render
from local.load.run import Result
from local.load.verification import Verdict

RESULT = Result(
    calls=5000,
    events=11000,
    rate=20.0,
    outage=180.0,
    sending_seconds=100.4,
    submit_seconds=1000.0,
    most_seconds=800.0,
    seconds=1234.0,
    waits=[1.0, 20.0, 300.0],
    disturbed={"workers killed": 7, "AWS storms": 2},
    aws={"s3 passed": 1000, "s3 cut": 3, "sqs lost": 1},
    answers={"200": 12000, "429": 345},
    limited=10000,
    deleted=2,
    dead_letters=(),
    verdict=Verdict(lost=tuple("abcdefg")),
)


def test_the_whole_table() -> None:
    assert (
        render(RESULT)
        == """\
calls               5,000
events              11,000 (sent in 100 s)
throughput          11.0 events a second
sent to submitted   p50 20 s, p95 300 s
AWS storms          2
workers killed      7
requests to Coval   12,345: 200 12,000; 429 345
requests a call     2.5
wasted              0.03 for each that was needed
against the least   1.47 times 680 s
95 % of the calls   1.18 times
faults of AWS       4: s3 cut 3; sqs lost 1
deleted as doubles  2
lost                7 a b c d e
doubled             0
another text        0
another audio       0
unfinished          0
of no call          0
pending             0
dead letters        0
minutes             20.6 (the last call was in Coval after 16.7)"""
    )


def test_a_run_is_good_only_without_dead_letters_and_with_every_call() -> None:
    good = replace(RESULT, verdict=Verdict())
    assert [good.is_good(), RESULT.is_good(), replace(good, dead_letters=("q: none",)).is_good()] == [
        True,
        False,
        False,
    ]
