"""What all sections of relay.toml are: frozen, and without a key that nobody knows."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of the models; each is built when it is first used."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
