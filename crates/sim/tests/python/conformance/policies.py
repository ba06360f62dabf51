"""Documents that the stories use."""

from __future__ import annotations

import json
from typing import Any

# One of AWS's own.
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"

VERSION = "2012-10-17"


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> str:
    """A policy of one statement that allows something."""
    return _document({"Effect": "Allow", "Action": action, "Resource": resource, **more})


def deny(action: str | list[str], resource: str | list[str] = "*") -> str:
    """A policy of one statement that denies something."""
    return _document({"Effect": "Deny", "Action": action, "Resource": resource})


def trust(principal: dict[str, str], action: str | list[str] = "sts:AssumeRole", **more: Any) -> str:
    """A trust policy of one statement."""
    return _document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def trust_account(account: str, **more: Any) -> str:
    """Trusts all whom an account trusts."""
    return trust({"AWS": f"arn:aws:iam::{account}:root"}, **more)


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": VERSION, "Statement": [statement]})
