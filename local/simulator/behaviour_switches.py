"""Switches: what Coval leaves unknown, and what a test wants different."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_API_KEY = "coval_sk_simulator"
MEBIBYTE = 1024 * 1024


class Switches(BaseModel):
    """Every knob of the simulator; read and changed at `/_simulator/config`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_keys: tuple[str, ...] = (DEFAULT_API_KEY,)
    permissions: tuple[str, ...] = ("*",)
    """Scopes of every key, such as `conversations:submit`; `*` is full access."""
    case_sensitive_api_key: bool = True
    """The gateway knows the header as `x-api-key` only, in lower case (Coval SDK overview)."""
    organization_id: str = "org_simulator"
    workspace_id: str = "ws_simulator"

    lenient_agent_role: bool = False
    """Take the role `agent`, which Coval's guide uses and no specification allows."""
    naive_times_allowed: bool = False
    """Take date-times without a zone, as Coval's sample scripts send them."""
    filter_simulations: bool = True
    simulation_id_pattern: str = r"^sim_"
    max_payload_bytes: int = Field(256 * 1024, ge=1)
    metric_ids: tuple[str, ...] | None = None
    """The metrics that exist; None takes any well-formed id."""
    metric_names: tuple[str, ...] = ()

    strong_consistency: bool = True
    """Whether `consistency=strong` is known at all (it was added in August 2026)."""
    list_lag_seconds: float = Field(5.0, ge=0)
    processing_seconds: float = Field(1.0, ge=0)
    """How long a wave of metrics takes."""
    deleted_visible: bool = True
    """Whether cancelled and deleted conversations are still read and listed, with their status."""

    private_addresses_allowed: bool = True
    fetch_timeout_seconds: float = Field(60.0, gt=0)
    min_audio_seconds: float = 5.0
    max_audio_seconds: float = 3600.0
    max_audio_bytes: int = 200 * MEBIBYTE
    wav_codecs: tuple[str, ...] = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
    """Codecs inside a WAV that Coval reads; the documentation names none."""
    rf64_allowed: bool = True

    max_upload_bytes: int = 100 * MEBIBYTE
    upload_url_seconds: float = 3600.0
    upload_id_seconds: float = 7 * 86400.0

    requests_per_second: float | None = Field(None, gt=0)
    """How many requests the gateway lets through, all keys together; None: as many as come."""

    clock_offset_seconds: float = 0.0
    """Added to the simulator's clock, so that expiry needs no waiting."""

    def changed(self, changes: dict[str, Any]) -> "Switches":
        """Return these switches with some set anew; raises pydantic's ValidationError."""
        return Switches.model_validate({**self.model_dump(), **changes})
