"""Finds operations and members of the simulator that no story has called."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.model import ServiceModel

from . import members
from .aws import Aws, NotThere

# Operations whose only answer is a refusal, because there is nothing that they could be about.
ONLY_REFUSED = {
    "ecr:DeleteRegistryPolicy": "RegistryPolicyNotFoundException",
    "ecr:GetRegistryPolicy": "RegistryPolicyNotFoundException",
}


def find_gaps(aws: Aws, client: BaseClient) -> None:
    """Compares what the stories have called with what the simulator knows, operation by operation of the model."""
    model = client.meta.service_model
    prefix = f"{model.signing_name}:"
    succeeded, missing = set(aws.record.successes), set(aws.record.missing)
    aws.record.find_all(_stale(model, prefix))
    for method, operation in client.meta.method_to_api_mapping.items():
        name = prefix + operation
        if not _is_there(client, method):
            if name in missing:
                aws.record.find(f"{name}: a story wants it, and it is not there")
            continue
        if ONLY_REFUSED.get(name) in aws.record.refusals[name]:
            continue
        if name not in succeeded:
            aws.record.find(f"{name}: no story has called it with success")
            continue
        shape = model.operation_model(operation).input_shape
        optional = [] if shape is None else sorted(set(shape.members) - set(shape.required_members))
        aws.record.find_all(_undecided(aws, name, optional))


def _stale(model: ServiceModel, prefix: str) -> Iterator[str]:
    """Decisions about members that no operation of the model has."""
    for member in [*members.REFUSED, *members.IGNORED]:
        operation, _, name = member.removeprefix(prefix).partition(".")
        if not member.startswith(prefix):
            continue
        shape = model.operation_model(operation).input_shape if operation in model.operation_names else None
        if shape is None or name not in shape.members:
            yield f"{member} is decided about, and there is no such member"


def _undecided(aws: Aws, operation: str, optional: list[str]) -> Iterator[str]:
    for member in optional:
        name = f"{operation}.{member}"
        decisions = [name in aws.record.shown, name in members.REFUSED, name in members.IGNORED]
        if not any(decisions):
            yield f"{name}: no story shows that it is acted on"
        elif decisions.count(True) > 1:
            yield f"{name} is shown by a story, and refused or ignored"


def _is_there(client: BaseClient, method: str) -> bool:
    try:
        getattr(client, method)()
    except NotThere:
        return False
    except ClientError:
        return True
    return True
