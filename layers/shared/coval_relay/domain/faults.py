"""Whose fault it is that something has to wait: one table of all codes, from which docs/errors.md is written.

operator   the operator has to mend something: waits, and an alarm tells at once; no call ends by it
nobody     a limit, an outage, the network: waits
call       the call's own words or audio: final, with the reason on its item; never a code in this table
"""

from dataclasses import dataclass
from enum import Enum

from coval_relay.domain.log_events import LogEvent


class Fault(Enum):
    """Who can mend it."""

    OPERATOR = "operator"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class WaitReason:
    """Codes of one kind; `codes` are whole codes, or AWS's own error codes after the service's prefix."""

    fault: Fault
    codes: tuple[str, ...]
    meaning: str
    mend: str = "Nothing: it heals by itself."


AWS_SERVICES = ("table", "sqs", "secretsmanager", "ssm", "s3", "staging", "kms")
"""Prefixes of the codes that AWS's services give."""

WAIT_REASONS = (
    WaitReason(
        Fault.OPERATOR,
        ("unauthenticated", "permission_denied"),
        "Coval does not accept the API key (401), or not for this (403).",
        "Put a valid key into the secret; it is read again within five minutes.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("api_key_secret_unusable", "platform_credentials_unusable", "link_credentials_refused"),
        "A secret holds nothing that a request could carry, or a recording's host rejects it.",
        "Correct the secret: the key's text alone, or JSON as docs/connect.md shows.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("agent_unknown",),
        "Coval knows no agent with the id that the call was given.",
        "Correct calls.default_agent_id or calls.agent_ids in relay.toml, or create the agent in Coval.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("metrics_unknown",),
        "Coval does not accept the metrics that the call was given.",
        "Correct calls.metrics in relay.toml.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("no_such_path", "precondition_failed"),
        "What answers is not Coval (a gateway, a proxy, a redirect), the base URL or the path family is wrong, or "
        "Coval's account is not set up for this.",
        "Correct coval.base_url and coval.path_family in relay.toml, or the way out; look into Coval's account.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("quota_exceeded",),
        "Coval's plan or quota is used up (402).",
        "Raise it in Coval's account.",
    ),
    WaitReason(
        Fault.OPERATOR,
        (
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "UnauthorizedOperation",
            "access_denied",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
        ),
        "AWS denies it to the function's role, or an object may not be read.",
        "Give the role what the log line names: by bucket policy, key policy, boundary, service control policy.",
    ),
    WaitReason(
        Fault.OPERATOR,
        (
            "KMS.AccessDeniedException",
            "KMS.DisabledException",
            "KMS.InvalidStateException",
            "KMS.NotFoundException",
            "KmsAccessDenied",
            "KmsDisabled",
            "KmsInvalidState",
            "KmsNotFound",
            "KMSAccessDeniedException",
            "KMSDisabledException",
            "KMSInvalidStateException",
            "KMSNotFoundException",
            "DecryptionFailure",
            "InaccessibleEncryptionDateTimeException",
            "EncryptionFailure",
        ),
        "A KMS key is denied, disabled, deleted, or cannot be used.",
        "Enable the key; let its policy name the function's role.",
    ),
    WaitReason(
        Fault.OPERATOR,
        (
            "ResourceNotFoundException",
            "ResourceNotFound",
            "NoSuchBucket",
            "ParameterNotFound",
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            "InvalidRequestException",
            "configuration_unusable",
        ),
        "A table, queue, secret, parameter or bucket is gone, or holds what cannot be used.",
        "Restore it, or deploy again.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("place_not_configured", "object_archived"),
        "An object lies where the stack may not read, or is archived.",
        "Add its bucket or prefix to the stack's parameters, if the event is true; restore the object.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("audio_fetch_failed",),
        "For ten minutes or longer Coval has not been able to fetch a recording by the URLs that the stack signs.",
        "Let the role of attach_recording read it from anywhere: by bucket policy (`aws:SourceVpce`, `aws:SourceIp`), "
        "by key policy; enable the key. After 12 days the recording ends with Coval's words.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("item_too_large",),
        "What the events of a call bring does not fit into one item of the table (400 KB).",
        "Let the platform send less metadata with the call.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("webhook_body_gone",),
        "The body of a large webhook is no longer in S3: it was deleted, or has expired.",
        "Let the platform send the webhook again.",
    ),
    WaitReason(
        Fault.OPERATOR,
        ("item_unreadable", "message_unknown"),
        "An item or a message has a shape that this version does not know: of a newer version, deployed half way.",
        "Let the deploy end; deploy the newer version again.",
    ),
    WaitReason(
        Fault.NOBODY,
        ("rate_limited", "unavailable", "circuit_open"),
        "Coval is busy or down (429, 5xx); after a few failures it is left alone for a while.",
    ),
    WaitReason(
        Fault.NOBODY,
        ("unreachable", "timeout", "broken_connection", "unreadable_answer", "upload_put_failed"),
        "The network, or an answer that broke off.",
        "Nothing, if it passes. If not: the VPC's way out, the proxy, DNS.",
    ),
    WaitReason(
        Fault.NOBODY,
        ("link_unreachable", "link_unavailable"),
        "The host of a recording or transcript is down, busy, or out of reach.",
        "Nothing, if it passes. If not: links in relay.toml, and the way out to them.",
    ),
    WaitReason(
        Fault.NOBODY,
        (
            "ProvisionedThroughputExceededException",
            "ThrottlingException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "SlowDown",
            "presign_failed",
            "staging_unavailable",
        ),
        "AWS throttles, or has no answer.",
        "Nothing, if it passes. If not: ask AWS for a higher quota.",
    ),
    WaitReason(
        Fault.NOBODY,
        ("lease_or_busy", "contention", "no_time_left", "recording_changed_length"),
        "Another worker is at it, or the invocation's time was over.",
    ),
    WaitReason(
        Fault.NOBODY,
        ("document_missing", "utterances_may_come", "utterances_missing", "recording_missing_or_denied"),
        "The transcript, or an announced recording, is still to come.",
        "Nothing, until its deadline; then the call goes on with its recording.",
    ),
    WaitReason(
        Fault.NOBODY,
        ("sidecar_missing",),
        "The object beside a recording that tells its call is still to come.",
        "Nothing, for deadlines.settling_seconds; then the call is looked for by other rules.",
    ),
)

_FAULTS = {code: reason.fault for reason in WAIT_REASONS for code in reason.codes}


def fault_of(code: str) -> Fault:
    """Whose fault a code is; nobody's, where the table does not have it: it waits all the same."""
    service, _, aws = code.partition("_")
    return _FAULTS.get(code) or (_FAULTS.get(aws) if service in AWS_SERVICES else None) or Fault.NOBODY


def waiting_event(code: str) -> LogEvent:
    """What is reported of something that waits: an alarm for what an operator has to mend."""
    return LogEvent.OPERATOR_NEEDED if fault_of(code) is Fault.OPERATOR else LogEvent.MESSAGE_WAITING
