"""Repositories and who may use them."""

from __future__ import annotations

import base64
import json

from ...aws import REGION, Aws


def a_login_is_good_for_a_region(aws: Aws) -> None:
    ecr = aws.client("ecr")
    (token,) = ecr.get_authorization_token()["authorizationData"]
    assert base64.b64decode(token["authorizationToken"]).startswith(b"AWS:")
    assert token["proxyEndpoint"].startswith("http")


def a_repository_comes(aws: Aws) -> None:
    ecr = aws.client("ecr")
    repository = ecr.create_repository(repositoryName="team/app")["repository"]
    assert repository["repositoryArn"] == f"arn:aws:ecr:{REGION}:{aws.account}:repository/team/app"
    assert repository["repositoryUri"] == f"{aws.account}.dkr.ecr.{REGION}.amazonaws.com/team/app"
    assert (repository["registryId"], repository["imageTagMutability"]) == (aws.account, "MUTABLE")
    ecr.create_repository(repositoryName="team/base", registryId=aws.account)
    aws.refused("RepositoryAlreadyExistsException", ecr, "create_repository", repositoryName="team/app")

    listed = aws.pages(ecr, "describe_repositories", "repositories")
    assert [repository["repositoryName"] for repository in listed] == ["team/app", "team/base"]
    named = ecr.describe_repositories(repositoryNames=["team/base"], registryId=aws.account)["repositories"]
    aws.shown(
        "ecr:DescribeRepositories.repositoryNames",
        [repository["repositoryName"] for repository in named] == ["team/base"],
    )
    aws.refused("RepositoryNotFoundException", ecr, "describe_repositories", repositoryNames=["team/none"])


def a_repository_goes(aws: Aws) -> None:
    ecr = aws.client("ecr")
    for name in ("empty", "full"):
        ecr.create_repository(repositoryName=name)
    gone = ecr.delete_repository(repositoryName="empty")["repository"]
    assert gone["repositoryName"] == "empty"
    aws.refused("RepositoryNotFoundException", ecr, "delete_repository", repositoryName="empty")
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    ecr.put_image(repositoryName="full", imageManifest=json.dumps(manifest), imageTag="1")
    aws.refused("RepositoryNotEmptyException", ecr, "delete_repository", repositoryName="full")
    ecr.delete_repository(repositoryName="full", force=True)
    aws.shown("ecr:DeleteRepository.force", True)


def a_repository_has_a_policy(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="shared")
    aws.refused("RepositoryPolicyNotFoundException", ecr, "get_repository_policy", repositoryName="shared")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "pull",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{aws.other}:root"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy"],
            }
        ],
    }
    answer = ecr.set_repository_policy(repositoryName="shared", policyText=json.dumps(policy))
    assert json.loads(answer["policyText"]) == policy
    # Whose the repository is, the other account has to say: in its own registry there is none of that name.
    other = aws.client("ecr", aws.place.roots[aws.other])
    shown = other.get_repository_policy(repositoryName="shared", registryId=aws.account)
    assert json.loads(shown["policyText"]) == policy
    aws.refused("RepositoryNotFoundException", other, "get_repository_policy", repositoryName="shared")
    ecr.delete_repository_policy(repositoryName="shared")
    aws.refused("RepositoryPolicyNotFoundException", ecr, "delete_repository_policy", repositoryName="shared")
    aws.refused(
        "InvalidParameterException", ecr, "set_repository_policy", repositoryName="shared", policyText="no policy"
    )
    ecr.set_repository_policy(repositoryName="shared", policyText=json.dumps(policy), registryId=aws.account)


def a_policy_that_locks_its_owner_out_needs_force(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="locked")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.refused("InvalidParameterException", ecr, "set_repository_policy", repositoryName="locked", policyText=text)
    ecr.set_repository_policy(repositoryName="locked", policyText=text, force=True)
    aws.shown("ecr:SetRepositoryPolicy.force", True)


STORIES = [
    a_login_is_good_for_a_region,
    a_repository_comes,
    a_repository_has_a_policy,
    a_repository_goes,
    a_policy_that_locks_its_owner_out_needs_force,
]
