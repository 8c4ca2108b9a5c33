"""Two deployments: with nothing but what is required, and with everything that can be asked for."""

SECRET = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval/api-key-AbCdEf"
TOPIC = "arn:aws:sns:eu-west-2:111122223333:operators"


def key(name: str) -> str:
    return f"arn:aws:kms:eu-west-2:111122223333:key/{name}"


SMALLEST = {"CovalApiKeySecretArn": SECRET, "RecordingBuckets": "acme-recordings"}

FULLEST = {
    **SMALLEST,
    "Architecture": "x86_64",
    "EventBusName": "calls",
    "RecordingBuckets": "acme-recordings,acme-voicemail",
    "RecordingPrefixes": "voice/,calls/2026 é+",
    "TranscriptBuckets": "acme-recordings",
    "TranscriptPrefixes": "Analysis/",
    "TranscriptKeyPattern": r"^Analysis/(?P<external_conversation_id>[^/]{1,36})\.json$",
    "RecordingUrlHosts": "media.example.com,api.example.org",
    "DefaultAgentId": "abcdefghij0123456789AB",
    "AgentIds": '{"front-desk": "abcdefghij0123456789AB", "sales": "abcdefghij0123456789AC"}',
    "Metrics": "metric-1,metric-2",
    "Tags": "production,front desk",
    "AlarmTopicArn": TOPIC,
    "TableKmsKeyArn": key("table"),
    "QueueKmsKeyArn": key("queues"),
    "LogKmsKeyArn": key("logs"),
    "CovalApiKeySecretKmsKeyArn": key("secret"),
    "RecordingKmsKeyArns": f"{key('recordings')},{key('voicemail')}",
    "TranscriptKmsKeyArns": key("transcripts"),
}

QUEUE_OF = {
    "SubmitTranscript": "CallEnd",
    "UploadRecording": "Recording",
    "AttachRecording": "Attach",
}
