"""What a live run has cost: counts of AWS at list prices."""

from tests.aws.cost import PRICES, report


def test_a_bill_has_a_line_for_each_count_and_their_sum() -> None:
    counted = {**dict.fromkeys(PRICES, 0.0), "invocations": 1e6, "write_units": 2e6}
    lines = list(report(counted))
    assert len(lines) == len(PRICES) + 1
    assert lines[0].split() == ["1,000,000", "invocations", "of", "Lambda", "$0.2000"]
    assert lines[-1].endswith("$1.4500")
