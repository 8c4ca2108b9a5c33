"""The least that the functions' environment must hold."""

COMMON = {
    "TABLE_NAME": "calls",
    "QUEUE_URL": "q",
    "DEAD_LETTER_QUEUE_URL": "d",
    "CALL_END_QUEUE_URL": "c",
    "RECORDING_QUEUE_URL": "r",
    "ATTACH_QUEUE_URL": "a",
    "COVAL_API_KEY_SECRET_ARN": "arn:aws:secretsmanager:eu-west-2:111122223333:secret:coval-x",
    "BUCKET_OWNER": "111122223333",
}
RECORDINGS = {
    "RECORDING_BUCKETS": "a-bucket,b-bucket",
    "STAGING_BUCKET": "staging",
}
