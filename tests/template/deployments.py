"""Two deployments: with nothing but what is required, and with everything that can be asked for."""

SECRET = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval/api-key-AbCdEf"
CREDENTIALS = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval/platforms-GhIjKl"
WEBHOOKS = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval/webhooks-MnOpQr"
OPERATORS = "arn:aws:iam::111122223333:role/operators"
PARTNER_BUS = "aws.partner/genesys.com/cloud/0f1e2d3c-0000-4000-8000-000000000001/acme-prod"
BOUNDARY = "arn:aws:iam::111122223333:policy/platform/workloads"
TOPIC = "arn:aws:sns:eu-west-2:111122223333:operators"


def key(name: str) -> str:
    return f"arn:aws:kms:eu-west-2:111122223333:key/{name}"


SMALLEST = {"CovalApiKeySecretArn": SECRET, "RecordingBuckets": "acme-recordings"}

FULLEST = {
    **SMALLEST,
    "Architecture": "x86_64",
    "BucketOwners": '{"acme-voicemail": "444455556666"}',
    "VpcSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "VpcSecurityGroupIds": "sg-0123456789abcdef0",
    "HttpsProxy": "http://proxy.acme.example:3128",
    "NoProxy": ".eu-west-2.amazonaws.com",
    "PermissionsBoundaryArn": BOUNDARY,
    "RolePath": "/workloads/calls/",
    "EventBusName": "calls",
    "EventSources": "acme.calls,acme telephony",
    "AddedDetailTypes": "Invented Call Ended,invented.transcript",
    "PartnerEventBusName": PARTNER_BUS,
    "Platforms": "amazon_connect,amazon_chime,genesys,canonical",
    "AgentChannels": '{"amazon_connect": 1, "vapi": 0}',
    "SeparateTranscripts": "twilio,amazon_chime",
    "Redaction": "redacted",
    "EstimatedTimes": "omit",
    "PlatformCredentialsSecretArn": CREDENTIALS,
    "Webhooks": "both",
    "WebhookSecretArn": WEBHOOKS,
    "WebhookSecretKmsKeyArn": key("webhooks"),
    "ReceiveWebhookReservedConcurrency": "50",
    "QueueSenderArns": f"{OPERATORS},arn:aws:sts::111122223333:assumed-role/admin/*",
    "RecordingBuckets": "acme-recordings,acme-voicemail",
    "RecordingPrefixes": "voice/,calls/2026 é+",
    "TranscriptBuckets": "acme-recordings",
    "TranscriptPrefixes": "Analysis/",
    "TranscriptKeyPattern": r"^Analysis/(?P<external_conversation_id>[^/]{1,36})\.json$",
    "RecordingUrlHosts": "media.example.com,api.example.org:8443",
    "TranscriptUrlHosts": "transcripts.example.com,api.example.org:8443",
    "RecordingKeyPattern": r"^voice/(?P<external_conversation_id>[^/]{1,36})\.wav$",
    "KeyRules": r'[{"name": "own", "pattern": "^calls/(?P<alias>[0-9]{2,8})\\.ogg$", "alias_type": "line"}]',
    "KeyRulesParameterName": "/coval/relay/key-rules",
    "IgnoredKeyPattern": r"\.(?:tmp|part)$",
    "SettlingSeconds": "0",
    "PendingSeconds": "604800",
    "StagingRetentionDays": "7",
    "StagingKmsKeyArn": key("staging"),
    "RejectedEventDays": "30",
    "DefaultAgentId": "abcdefghij0123456789AB",
    "AgentIds": '{"front-desk": "abcdefghij0123456789AB", "sales": "abcdefghij0123456789AC"}',
    "Metrics": "metric-1,metric-2",
    "Tags": "production,front desk",
    "AlarmTopicArn": TOPIC,
    "TableKmsKeyArn": key("table"),
    "QueueKmsKeyArn": key("queues"),
    "LogKmsKeyArn": key("logs"),
    "CovalApiKeySecretKmsKeyArn": key("secret"),
    "PlatformCredentialsSecretKmsKeyArn": key("credentials"),
    "RecordingKmsKeyArns": f"{key('recordings')},{key('voicemail')}",
    "TranscriptKmsKeyArns": key("transcripts"),
}

QUEUE_OF = {
    "SubmitTranscript": "CallEnd",
    "UploadRecording": "Recording",
    "AttachRecording": "Attach",
}
