"""Look, before the first deploy, whether the account is ready for it; changes nothing.

    python3 -m scripts.preflight                                  # the parameters of samconfig.toml, and relay.toml
    python3 -m scripts.preflight --config-env prod
    python3 -m scripts.preflight RecordingBuckets=acme-recordings CovalApiKeySecretArn=arn:...

Each line says what is well, what has to be mended and how, or (?) what could not be looked at with these
credentials, or is yours to decide. The exit status is 1 where something has to be mended. It needs boto3 and, for
all of it, lambda:GetAccountSettings, s3:ListBucket, s3:GetBucketNotification, s3:GetBucketVersioning and
s3:GetEncryptionConfiguration on the buckets, events:DescribeEventBus and events:ListRules, kms:DescribeKey and
kms:GetKeyPolicy on the keys, secretsmanager:DescribeSecret and secretsmanager:GetSecretValue on the secrets, and
sns:GetTopicAttributes on the alarms' topic.
"""
