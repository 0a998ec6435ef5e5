"""How a step logs in to Kafka, apart from the client, which costs too much to import for a check."""

from __future__ import annotations

from dataclasses import dataclass

from flows.language.catalogue import option

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True)
class SaslConfig:
    """A login, as a step writes it."""

    mechanism: str = option("PLAIN", "How to log in.", choices=MECHANISMS)
    username: str = option("", "User.", also=("user",))
    password: str = option("", "Password.")
