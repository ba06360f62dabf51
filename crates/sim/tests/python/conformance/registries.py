"""Asks the registry of another account: what a call is about is said by its member `registryId`."""

from __future__ import annotations

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from .aws import Aws

MEMBER = "registryId"


def ask_elsewhere(aws: Aws, client: BaseClient) -> None:
    """The other account has allowed nothing, and the refusal has to be about its registry."""
    model = client.meta.service_model
    for name, sent in aws.successes(model.service_name):
        shape = model.operation_model(name.split(":")[1]).input_shape
        if shape is None or MEMBER not in shape.members:
            continue
        try:
            aws.once_more(name, {**sent, MEMBER: aws.other}, aws.place.roots[aws.account])
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            # Some operations have no resource, so that it does not stand in the message.
            if code == "AccessDeniedException" and (f":{aws.other}:repository/" in message or " resource: * " in message):
                aws.record.shown.add(f"{name}.{MEMBER}")
            else:
                aws.record.find(f"{name}.{MEMBER}: another account's is refused with {code}: {message}")
        else:
            aws.record.find(f"{name}.{MEMBER}: another account's registry answers")
