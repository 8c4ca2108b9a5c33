"""The template's parameters that are looked at, and what it takes there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of the template's, with what it takes there: of a list, each member."""

    pattern: str
    rule: str
    default: str = ""
    is_list: bool = False


_BUS = r"^[A-Za-z0-9/._-]{%s,256}$"
_BUCKETS = Parameter(r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", "must be bucket names, joined by commas", is_list=True)
_ARN = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+"
_OPTIONAL_SECRET = Parameter(rf"^({_ARN})?$", "must be empty or the full ARN of a Secrets Manager secret")
_KEY = r"^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$"
PARAMETERS = {
    "Platforms": Parameter(
        r"^[a-z][a-z0-9_]{0,39}$", "must be names in lower case, joined by commas", "canonical", is_list=True
    ),
    "EventBusName": Parameter(_BUS % 1, "must be the name of an event bus of this account and region", "default"),
    "EventSources": Parameter(
        r"""^((?!coval\.relay)[^,\s"\\][^,"\\]{0,255})?$""",
        "must be sources of at most 256 characters, joined by commas, and not coval.relay",
        is_list=True,
    ),
    "PartnerEventBusName": Parameter(_BUS % 0, "must be empty or the name of an event bus of this account and region"),
    "RecordingBuckets": _BUCKETS,
    "TranscriptBuckets": _BUCKETS,
    "CovalApiKeySecretArn": Parameter(rf"^{_ARN}$", "must be the full ARN of a Secrets Manager secret"),
    "PlatformCredentialsSecretArn": _OPTIONAL_SECRET,
    "Webhooks": Parameter(
        r"^(none|function_url|http_api|both)$", "must be none, function_url, http_api or both", "none"
    ),
    "WebhookSecretArn": _OPTIONAL_SECRET,
    "MaximumConcurrency": Parameter(
        r"^(0|[2-9]|[1-9][0-9]{1,2}|1000)$",
        "must be four numbers, joined by commas, the first three from 2 to 1000, the last that or 0",
        "10,5,5,0",
        is_list=True,
    ),
    "HttpsProxy": Parameter(
        r"^(https?://[A-Za-z0-9.-]+:[0-9]{1,5}|[A-Za-z0-9.:_-]{1,256})?$",
        "must be empty, or http://HOST:PORT without user name and password, then host names or their ends",
        is_list=True,
    ),
    "QueueSenderArns": Parameter(
        r"^(arn:aws[a-z-]*:(iam::[0-9]{12}:(role|user)|sts::[0-9]{12}:federated-user)/[A-Za-z0-9/_+=.@*?-]+)?$",
        "must be empty or ARNs of roles, users or federated users; of a role's session, the role's",
        is_list=True,
    ),
    "ReadKmsKeyArns": Parameter(_KEY, "must be empty or ARNs of keys, not aliases", is_list=True),
    "KmsKeyArn": Parameter(_KEY, "must be empty or a key's ARN, not an alias"),
    "AlarmTopicArn": Parameter(
        r"^(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256})?$", "must be empty or a topic's ARN"
    ),
}
DEFAULTS = {name: one.default for name, one in PARAMETERS.items()}
"""Of the template's parameters that are looked at."""
