"""The two path families of conversations: the compatibility one and the canonical, "uploaded" one."""

from dataclasses import dataclass

from local.simulator.submissions import LegacySubmission, Submission, UploadedSubmission


@dataclass(frozen=True)
class Family:
    """What differs between the families (Coval API, `/v1/conversations` and `/v1/conversations/uploaded`)."""

    path: str
    envelope: str
    scope: str
    submission: type[Submission]
    is_uploaded: bool

    @property
    def list_envelope(self) -> str:
        return f"{self.envelope}s"


LEGACY = Family("/v1/conversations", "conversation", "conversations", LegacySubmission, False)
UPLOADED = Family(
    "/v1/conversations/uploaded", "uploaded_conversation", "uploaded-conversations", UploadedSubmission, True
)
FAMILIES = (UPLOADED, LEGACY)
"""The longer path first, so that the router does not take `uploaded` for an id."""
