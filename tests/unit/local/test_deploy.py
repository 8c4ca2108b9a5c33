"""What of the template the emulator is spared."""

from local.stack.deploy import without_foreign_alarms

KEPT = """\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      Metrics: none
  PlainAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      MetricName: Errors

Outputs:
  Metrics:
    Value: 1
"""
MATH = """\
  MathAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
      - Id: share
"""


def test_alarms_that_it_cannot_make_are_left_out() -> None:
    whole = KEPT.replace("  PlainAlarm:", f"{MATH}  PlainAlarm:")
    assert whole != KEPT
    assert without_foreign_alarms(whole) == KEPT
    assert without_foreign_alarms(KEPT) == KEPT
