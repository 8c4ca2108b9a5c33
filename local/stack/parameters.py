"""The template's parameters on one's own machine: short deadlines, few workers, the stack's own buckets."""

RECORDINGS = "coval-relay-recordings"
RECORDINGS_UNVERSIONED = "coval-relay-recordings-unversioned"
TRANSCRIPTS = "coval-relay-transcripts"

PARAMETERS = {
    "RecordingBuckets": f"{RECORDINGS},{RECORDINGS_UNVERSIONED}",
    "RecordingPrefixes": "recordings/",
    "TranscriptBuckets": TRANSCRIPTS,
    "TranscriptPrefixes": "transcripts/",
    "TranscriptKeyPattern": r"^transcripts/(?P<external_conversation_id>[^/]+)\.json$",
    "CovalTimeoutSeconds": "2",
    "CovalProcessingSeconds": "2",
    "GraceSeconds": "5",
    "AuditDelaySeconds": "5",
    "ResumeSeconds": "20",
    "SubmitTranscriptTimeoutSeconds": "30",
    "UploadRecordingTimeoutSeconds": "30",
    "AttachRecordingTimeoutSeconds": "30",
    # each worker is a process of this machine
    "SubmitTranscriptMaximumConcurrency": "2",
    "UploadRecordingMaximumConcurrency": "2",
    "AttachRecordingMaximumConcurrency": "2",
    "TableDeletionProtection": "false",
}
