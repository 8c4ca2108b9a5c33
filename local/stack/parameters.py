"""The template's parameters on one's own machine: short deadlines, few workers, the stack's own buckets."""

import json
import os

SUFFIX = os.environ.get("RELAY_BUCKET_SUFFIX", "")
"""Of the buckets' names, where they are those of a real account: nobody else may have such a bucket."""
RECORDINGS = f"coval-relay-recordings{SUFFIX}"
RECORDINGS_UNVERSIONED = f"coval-relay-recordings-unversioned{SUFFIX}"
RECORDINGS_NOTIFYING = f"coval-relay-recordings-notifying{SUFFIX}"
"""Notifies the queue itself: not every bucket can send to EventBridge."""
TRANSCRIPTS = f"coval-relay-transcripts{SUFFIX}"
MEDIA = f"coval-relay-media{SUFFIX}"
"""Stands for a platform's web server: who knows an object's URL may read it."""
PARTNER_BUS = "aws.partner/genesys.com/cloud/0f1e2d3c-0000-4000-8000-000000000001/local"
"""The bus of Genesys Cloud's events."""
KEY_RULES_PARAMETER = "/coval-relay/key-rules"
KEY_RULES = json.dumps(
    [
        {
            "name": "own_folder",
            "kind": "recording",
            "pattern": "^recordings/own/(?P<external_conversation_id>[^/]+)/[^/]+$",
        }
    ]
)
"""The operator's own rule, in the SSM parameter: a folder for each call."""

PARAMETERS = {
    "Platforms": (
        # Chime's keys are any UUID, so the more special ones come first
        "amazon_connect,twilio,genesys,livekit,vapi,retell,elevenlabs,telnyx,daily,amazon_chime,canonical"
    ),
    "SeparateTranscripts": "twilio,amazon_chime",
    "AgentChannels": '{"vapi": 1, "retell": 1, "genesys": 1, "amazon_chime": 1}',
    "PartnerEventBusName": PARTNER_BUS,
    "KeyRulesParameterName": KEY_RULES_PARAMETER,
    "RecordingBuckets": f"{RECORDINGS},{RECORDINGS_UNVERSIONED},{RECORDINGS_NOTIFYING}",
    "RecordingPrefixes": "recordings/",
    "TranscriptBuckets": TRANSCRIPTS,
    "TranscriptPrefixes": "transcripts/",
    "TranscriptKeyPattern": r"^transcripts/(?P<external_conversation_id>[^/]+)\.json$",
    "IgnoredKeyPattern": "(?:^|/)Analytics/",
    "Webhooks": "both",
    "CovalTimeoutSeconds": "2",
    "CovalProcessingSeconds": "2",
    "GraceSeconds": "5",
    "AuditDelaySeconds": "5",
    "ResumeSeconds": "20",
    "SettlingSeconds": "2",
    "PendingSeconds": "60",
    "SubmitTranscriptTimeoutSeconds": "30",
    "UploadRecordingTimeoutSeconds": "30",
    "AttachRecordingTimeoutSeconds": "30",
    # each worker is a process of this machine
    "SubmitTranscriptMaximumConcurrency": "2",
    "UploadRecordingMaximumConcurrency": "2",
    "AttachRecordingMaximumConcurrency": "2",
    "TableDeletionProtection": "false",
}
