"""Where the simulated AWS is, and who calls it. The test that runs this program says so on standard input."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True)
class Keys:
    id: str
    secret: str
    token: str | None = None


@dataclass(frozen=True)
class Place:
    endpoint: str
    # By account: the keys of its root.
    roots: dict[str, Keys]
    # An OIDC issuer that STS can reach, a client id, a subject, and a token of the issuer for both.
    issuer: str
    audience: str
    subject: str
    web_identity_token: str

    @classmethod
    def read(cls, source: TextIO) -> Place:
        fields = json.load(source)
        roots = {account: Keys(**keys) for account, keys in fields.pop("roots").items()}
        return cls(roots=roots, **fields)
