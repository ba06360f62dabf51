"""Tries the members that the simulator refuses."""

from __future__ import annotations

from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from .aws import Aws, NotThere
from .members import REFUSED


def refuse_members(aws: Aws, client: BaseClient) -> None:
    """Sends each member that is to be refused with a call that would succeed without it."""
    service = client.meta.service_model.service_name
    for name, sent in aws.successes(service):
        for member, value in REFUSED.items():
            operation, _, parameter = member.partition(".")
            if operation == name:
                _refuse(aws, name, {**sent, parameter: value}, member)


def _refuse(aws: Aws, name: str, sent: dict[str, Any], member: str) -> None:
    try:
        aws.once_more(name, sent)
    except NotThere:
        return
    except ClientError as error:
        aws.record.find(f"{member} is not simulated, and the answer does not say so: {error}")
    else:
        aws.record.find(f"{member} is not simulated, and was accepted")
