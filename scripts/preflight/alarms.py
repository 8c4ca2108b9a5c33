"""Whether somebody hears the alarms."""

from collections.abc import Iterator
from functools import partial

from scripts.preflight.account import Account
from scripts.report import Line, Mark, asked

ALARMS = "cloudwatch.amazonaws.com"


def alarms(account: Account) -> Iterator[Line]:
    """Whether somebody hears them: the topic is there, tells somebody, and CloudWatch may use its key."""
    name, arn = "AlarmTopicArn", account.one("AlarmTopicArn")
    if not arn:
        if not account.misread(name):
            yield Line(Mark.UNSEEN, name, "alarms go to nobody", "name a topic that somebody listens to")
        return
    if arn.split(":")[3] != account.region:
        yield Line(Mark.MEND, name, f"is not of {account.region}", "name a topic of the stack's region")
        return
    topic = account.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    if int(topic.get("SubscriptionsConfirmed", 0)):
        yield Line(Mark.WELL, name, f"tells {topic['SubscriptionsConfirmed']}")
    else:
        said = f"nobody listens; {topic.get('SubscriptionsPending', 0)} have not confirmed yet"
        yield Line(Mark.MEND, name, said, f"aws sns subscribe --topic-arn {arn} …, and confirm it")
    if key_id := topic.get("KmsMasterKeyId"):
        yield from asked(f"{name}, its key", partial(alarms_key, account, key_id))


def alarms_key(account: Account, key_id: str) -> Iterator[Line]:
    """AWS's own key of SNS lets CloudWatch not in, and its policy cannot be changed."""
    subject, kms = "AlarmTopicArn, its key", account.client("kms")
    if key_id.partition("alias/")[2] == "aws/sns":
        mend = f"encrypt the topic with a key of yours whose policy lets {ALARMS} in, or with none"
        yield Line(Mark.MEND, subject, "CloudWatch may not use alias/aws/sns: no alarm arrives", mend)
        return
    found = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    if ALARMS in kms.get_key_policy(KeyId=found, PolicyName="default")["Policy"]:
        yield Line(Mark.WELL, subject, f"lets {ALARMS} in")
    else:
        mend = f"allow it kms:Decrypt and kms:GenerateDataKey* in the policy of {found}"
        yield Line(Mark.MEND, subject, f"lets {ALARMS} not in: no alarm arrives", mend)
