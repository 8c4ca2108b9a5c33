"""Two deployments: with nothing but what is required, and with everything that can be asked for."""

SECRET = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval/api-key-AbCdEf"
CREDENTIALS = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval/platforms-GhIjKl"
WEBHOOKS = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval/webhooks-MnOpQr"
OPERATORS = "arn:aws:iam::111122223333:role/operators"
SSO = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Operators_*"
"""Behind the path stands the region where IAM Identity Center is, but for us-east-1; the end is drawn."""
PARTNER_BUS = "aws.partner/genesys.com/cloud/0f1e2d3c-0000-4000-8000-000000000001/acme-prod"
BOUNDARY = "arn:aws:iam::111122223333:policy/platform/workloads"
TOPIC = "arn:aws:sns:eu-west-2:111122223333:operators"


def key(name: str) -> str:
    return f"arn:aws:kms:eu-west-2:111122223333:key/{name}"


SMALLEST = {"CovalApiKeySecretArn": SECRET, "RecordingBuckets": "acme-recordings"}

FULLEST = {
    **SMALLEST,
    "Platforms": "amazon_connect,amazon_chime,genesys,canonical",
    "EventBusName": "calls",
    "EventSources": "acme.calls,acme telephony",
    "PartnerEventBusName": PARTNER_BUS,
    "RecordingBuckets": "acme-recordings,acme-voicemail",
    "RecordingPrefixes": "voice/,calls/2026 é+",
    "TranscriptBuckets": "acme-recordings",
    "TranscriptPrefixes": "Analysis/",
    "PlatformCredentialsSecretArn": CREDENTIALS,
    "Webhooks": "both",
    "WebhookSecretArn": WEBHOOKS,
    "ConfigurationParameterName": "/coval/relay/configuration",
    "MaximumConcurrency": "20,8,2,50",
    "VpcSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "VpcSecurityGroupIds": "sg-0123456789abcdef0",
    "HttpsProxy": "http://proxy.acme.example:3128,.eu-west-2.amazonaws.com,coval.acme.example",
    "PermissionsBoundaryArn": BOUNDARY,
    "RolePath": "/workloads/calls/",
    "QueueSenderArns": f"{OPERATORS},{SSO}",
    "ReadKmsKeyArns": f"{key('secrets')},{key('recordings')},{key('transcripts')}",
    "KmsKeyArn": key("own"),
    "RejectedEventDays": "30",
    "AlarmTopicArn": TOPIC,
}

QUEUE_OF = {
    "SubmitTranscript": "CallEnd",
    "UploadRecording": "Recording",
    "AttachRecording": "Attach",
}
