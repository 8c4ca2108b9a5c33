"""What a load run sends is drawn whole, and again the same."""

from collections import Counter

from local.load.call_plan import planned


def test_a_plan_is_repeatable() -> None:
    assert planned(50, "a", 1) == planned(50, "a", 1)
    assert planned(50, "a", 1) != planned(50, "a", 2)


def test_everything_of_every_call_is_sent_and_about_a_tenth_twice() -> None:
    plan = planned(1000, "a", 1)
    counts = Counter((*plan.burst, *plan.late))
    needed = {
        (call.call_id, kind)
        for call in plan.calls
        for kind in ("call_end", "recording", *(("transcript",) if call.text == "object" else ()))
    }
    assert {(sending.call.call_id, sending.kind) for sending in counts} == needed
    assert set(counts.values()) == {1, 2}
    assert 0.07 < sum(count == 2 for count in counts.values()) / len(counts) < 0.13


def test_late_recordings_and_nothing_else_come_late() -> None:
    plan = planned(200, "a", 1)
    assert {(sending.kind, sending.call.is_late) for sending in plan.late} == {("recording", True)}
    assert ("recording", True) not in {(sending.kind, sending.call.is_late) for sending in plan.burst}


def test_every_kind_of_call_is_among_them() -> None:
    calls = planned(200, "a", 1).calls
    assert {call.text for call in calls} == {"inline", "object", "none"}
    for trait in ("is_late", "by_alias", "versioned"):
        assert {getattr(call, trait) for call in calls} == {True, False}
