"""Calls what has succeeded once more: again, by somebody without permissions, and with a signature that is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from .aws import Aws
from .place import Keys

# Whoever has keys may call these, and AWS asks no policy (STS API reference).
FOR_EVERYBODY = {"sts:GetCallerIdentity", "sts:GetAccessKeyInfo"}
# The token is the credential.
UNSIGNED = {"sts:AssumeRoleWithWebIdentity"}

_DENIED = {"query": "AccessDenied:", "json": "AccessDeniedException:"}
_MISMATCH = {"query": "SignatureDoesNotMatch:", "json": "InvalidSignatureException:"}


def replay(aws: Aws, client: BaseClient) -> None:
    model = client.meta.service_model
    nobody = nobody_of(aws)
    forger = replace(aws.place.roots[aws.account], secret="x" * 40)
    for name, sent in aws.successes(model.service_name):
        if name not in FOR_EVERYBODY | UNSIGNED:
            answer = _call(aws, name, sent, nobody)
            if not answer.startswith(_DENIED[model.protocol]):
                aws.record.find(f"{name} by somebody without permissions: {answer}")
        if name not in UNSIGNED:
            answer = _call(aws, name, sent, forger)
            if not answer.startswith(_MISMATCH[model.protocol]):
                aws.record.find(f"{name} with a wrong signature: {answer}")
        # Whatever this answers by now, it has to be of the model.
        _call(aws, name, sent, None)


def nobody_of(aws: Aws) -> Keys:
    """A session of a role that may do nothing."""
    iam = aws.client("iam")
    host = aws.place.issuer.removeprefix("https://")
    provider = f"arn:aws:iam::{aws.account}:oidc-provider/{host}"
    try:
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    except iam.exceptions.NoSuchEntityException:
        iam.create_open_id_connect_provider(Url=aws.place.issuer, ClientIDList=[aws.place.audience])
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{host}:sub": aws.place.subject}},
        },
    }
    role = iam.create_role(RoleName="nobody", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    credentials = aws.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="nobody", WebIdentityToken=aws.place.web_identity_token
    )["Credentials"]
    return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def _call(aws: Aws, name: str, sent: dict[str, Any], keys: Keys | None) -> str:
    try:
        aws.once_more(name, sent, keys)
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message'][:200]}"
    return "it was answered"
