"""The admin routes, for tests, the local stack and the demo."""

from types import TracebackType
from typing import Any, Self

import httpx

Item = dict[str, Any]


class AdminClient:
    """Steers and reads a running simulator. Every call raises httpx.HTTPStatusError where the answer is an error."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_simulator/", trust_env=False, timeout=90.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def health(self) -> Item:
        return self._call("GET", "health")

    def reset(self, seed: str | None = None) -> None:
        """Forget everything; a seed makes identifiers and signatures repeatable."""
        self._call("POST", "reset", json={"seed": seed})

    def config(self) -> Item:
        """Return the switches."""
        return self._call("GET", "config")

    def configure(self, **switches: Any) -> Item:
        """Set some switches (`local.simulator.behaviour_switches.Switches`); return all."""
        return self._call("PUT", "config", json=switches)

    def add_fault(self, fault: Item, *, times: int = 1, share: float = 1.0, **match: Any) -> int:
        """Schedule a fault (`faults.Match` has the conditions); return its id."""
        rule = {"match": match, "times": times, "share": share, "fault": fault}
        return int(self._call("POST", "faults", json=rule)["id"])

    def faults(self) -> list[Item]:
        """Return the scheduled faults and how often each still applies."""
        return list(self._call("GET", "faults")["faults"])

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def requests(self, *, after: int = 0, wait: float = 0.0, **only: str) -> list[Item]:
        """Return the record after a number, waiting for the first up to `wait` seconds (at most 60).

        `external_conversation_id`, `path` (a prefix) and `method` narrow it.
        """
        return list(self._call("GET", "requests", params={"after": after, "wait": wait, **only})["requests"])

    def conversations(self, external_conversation_id: str | None = None) -> list[Item]:
        """Return all that is known of the conversations, of one external id or of all."""
        return list(self._call("GET", "conversations", params=_only(external_conversation_id))["conversations"])

    def webhooks(self, external_conversation_id: str | None = None) -> list[Item]:
        """Return the webhooks sent so far, one a finished wave."""
        return list(self._call("GET", "webhooks", params=_only(external_conversation_id))["webhooks"])

    def uploads(self) -> list[Item]:
        """Return the upload ids issued, and what became of each."""
        return list(self._call("GET", "uploads")["uploads"])

    def put_agent(self, agent_id: str, **fields: Any) -> Item:
        """Make an agent under a known id."""
        return dict(self._call("PUT", f"agents/{agent_id}", json=fields)["agent"])

    def delete_conversation(self, conversation_id: str) -> Item:
        """Delete as a user does in Coval's own pages."""
        return dict(self._call("DELETE", f"conversations/{conversation_id}")["conversation"])

    def _call(self, method: str, path: str, **options: Any) -> Item:
        response = self._http.request(method, path, **options)
        response.raise_for_status()
        return dict(response.json())


def _only(external_conversation_id: str | None) -> dict[str, str]:
    return {} if external_conversation_id is None else {"external_conversation_id": external_conversation_id}
