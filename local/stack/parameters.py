"""Parameters and configuration on one's own machine: short deadlines, few workers, the stack's own buckets."""

import os
from collections.abc import Mapping
from typing import Any

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
CONFIGURATION_PARAMETER = "/coval-relay/configuration"

PARAMETERS = {
    "Platforms": (
        # Chime's keys are any UUID, so the more special ones come first
        "amazon_connect,twilio,genesys,livekit,vapi,retell,elevenlabs,telnyx,daily,amazon_chime,canonical"
    ),
    "PartnerEventBusName": PARTNER_BUS,
    "ConfigurationParameterName": CONFIGURATION_PARAMETER,
    "RecordingBuckets": f"{RECORDINGS},{RECORDINGS_UNVERSIONED},{RECORDINGS_NOTIFYING}",
    "RecordingPrefixes": "recordings/",
    "TranscriptBuckets": TRANSCRIPTS,
    "TranscriptPrefixes": "transcripts/",
    "Webhooks": "both",
    "MaximumConcurrency": "2,2,2,0",  # each worker is a process of this machine
}
CONFIGURATION: dict[str, Any] = {
    "ignored_keys": ["(?:^|/)Analytics/"],
    "coval": {"timeout_seconds": 2, "processing_seconds": 2},
    "platforms": {
        "twilio": {"separate_transcripts": True},
        "amazon_chime": {"separate_transcripts": True, "agent_channel": 1},
        "vapi": {"agent_channel": 1},
        "retell": {"agent_channel": 1},
        "genesys": {"agent_channel": 1},
    },
    "deadlines": {
        "grace_seconds": 5,
        "audit_seconds": 5,
        "resume_seconds": 20,
        "settling_seconds": 2,
        "pending_seconds": 60,
    },
    "key_rules": [
        {
            "name": "own_transcripts",
            "kind": "transcript",
            "pattern": r"^transcripts/(?P<external_conversation_id>[^/]+)\.json$",
        },
        {"name": "own_folder", "pattern": "^recordings/own/(?P<external_conversation_id>[^/]+)/[^/]+$"},
    ],
}
"""What stands in the SSM parameter; what would redirect data is deployed."""


def merged(document: Mapping[str, Any], *changes: Mapping[str, Any]) -> dict[str, Any]:
    """The document with other values for some of its keys."""
    found = dict(document)
    for change in changes:
        for key, value in change.items():
            section = found.get(key)
            found[key] = {**section, **value} if isinstance(section, dict) and isinstance(value, Mapping) else value
    return found
