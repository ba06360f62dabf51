"""The public registry: a login, and repositories that anybody may pull from."""

from __future__ import annotations

import base64
import json

from ..aws import Aws
from . import Story
from .ecr.image import digest_of, upload

BLOB = b"a layer that is no archive"


def a_login_to_the_public_registry(aws: Aws) -> None:
    token = aws.client("ecr-public").get_authorization_token()["authorizationData"]
    assert base64.b64decode(token["authorizationToken"]).startswith(b"AWS:")


def a_public_repository_comes_and_goes(aws: Aws) -> None:
    ecr = aws.client("ecr-public")
    (registry,) = ecr.describe_registries()["registries"]
    repository = ecr.create_repository(repositoryName="app")["repository"]
    assert repository["repositoryUri"] == f"{registry['registryUri']}/app"
    assert repository["repositoryArn"] == f"arn:aws:ecr-public::{aws.account}:repository/app"
    ecr.create_repository(repositoryName="base")
    aws.refused("RepositoryAlreadyExistsException", ecr, "create_repository", repositoryName="app")
    listed = aws.pages(ecr, "describe_repositories", "repositories")
    assert [repository["repositoryName"] for repository in listed] == ["app", "base"]
    named = ecr.describe_repositories(repositoryNames=["base"])["repositories"]
    aws.shown(
        "ecr-public:DescribeRepositories.repositoryNames",
        [repository["repositoryName"] for repository in named] == ["base"],
    )
    gone = ecr.delete_repository(repositoryName="base")["repository"]
    assert gone["repositoryName"] == "base"
    aws.refused("RepositoryNotFoundException", ecr, "delete_repository", repositoryName="base")


def a_public_repository_has_a_policy(aws: Aws) -> None:
    ecr = aws.client("ecr-public")
    aws.refused("RepositoryPolicyNotFoundException", ecr, "get_repository_policy", repositoryName="app")
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.other}:root"}, "Action": "ecr-public:*"}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    answer = ecr.set_repository_policy(repositoryName="app", policyText=json.dumps(policy))
    assert json.loads(answer["policyText"]) == policy
    shown = ecr.get_repository_policy(repositoryName="app")
    assert json.loads(shown["policyText"]) == policy
    ecr.delete_repository_policy(repositoryName="app")
    aws.refused("RepositoryPolicyNotFoundException", ecr, "delete_repository_policy", repositoryName="app")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "ecr-public:*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    ecr.create_repository(repositoryName="locked")
    aws.refused("InvalidParameterException", ecr, "set_repository_policy", repositoryName="locked", policyText=text)
    ecr.set_repository_policy(repositoryName="locked", policyText=text, force=True)
    aws.shown("ecr-public:SetRepositoryPolicy.force", True)


def a_layer_is_uploaded(aws: Aws) -> None:
    ecr = aws.client("ecr-public")
    upload(ecr, "app", BLOB)
    answer = ecr.batch_check_layer_availability(
        repositoryName="app", layerDigests=[digest_of(BLOB), digest_of(b"none")]
    )
    assert [layer["layerAvailability"] for layer in answer["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    answer = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "none"}])
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"]


STORIES: list[Story] = [
    a_login_to_the_public_registry,
    a_public_repository_comes_and_goes,
    a_public_repository_has_a_policy,
    a_layer_is_uploaded,
]
