"""What a repository is set to: tags that may change, scans, encryption, lifecycle, tags of its own."""

from __future__ import annotations

import json

from ...aws import REGION, Aws


def a_repository_is_made_with_settings(aws: Aws) -> None:
    ecr = aws.client("ecr")
    made = ecr.create_repository(
        repositoryName="set",
        tags=[{"Key": "team", "Value": "x"}],
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
        imageScanningConfiguration={"scanOnPush": True},
    )["repository"]
    (shown,) = ecr.describe_repositories(repositoryNames=["set"])["repositories"]
    assert shown == made
    aws.shown("ecr:CreateRepository.imageTagMutability", shown["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION")
    aws.shown(
        "ecr:CreateRepository.imageTagMutabilityExclusionFilters",
        shown["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "dev-*"}],
    )
    aws.shown("ecr:CreateRepository.imageScanningConfiguration", shown["imageScanningConfiguration"]["scanOnPush"])
    tags = ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"]
    aws.shown("ecr:CreateRepository.tags", tags == [{"Key": "team", "Value": "x"}])


def settings_are_changed(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="changed")
    filters = [{"filterType": "WILDCARD", "filter": "v*"}]
    answer = ecr.put_image_tag_mutability(
        repositoryName="changed",
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    aws.shown(
        "ecr:PutImageTagMutability.imageTagMutabilityExclusionFilters",
        answer["imageTagMutabilityExclusionFilters"] == filters,
    )
    answer = ecr.put_image_scanning_configuration(
        repositoryName="changed", imageScanningConfiguration={"scanOnPush": True}
    )
    assert answer["imageScanningConfiguration"] == {"scanOnPush": True}
    answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=["changed", "none"])
    assert [found["scanOnPush"] for found in answer["scanningConfigurations"]] == [True]
    assert [failure["failureCode"] for failure in answer["failures"]] == ["REPOSITORY_NOT_FOUND"]


def a_repository_has_tags(aws: Aws) -> None:
    ecr = aws.client("ecr")
    arn = ecr.create_repository(repositoryName="tagged")["repository"]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    missing = f"arn:aws:ecr:{REGION}:{aws.account}:repository/none"
    aws.refused("RepositoryNotFoundException", ecr, "list_tags_for_resource", resourceArn=missing)


def a_repository_has_a_lifecycle(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="aging")
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    text = json.dumps({"rules": [rule]})
    ecr.put_lifecycle_policy(repositoryName="aging", lifecyclePolicyText=text)
    shown = ecr.get_lifecycle_policy(repositoryName="aging")
    assert json.loads(shown["lifecyclePolicyText"]) == {"rules": [rule]}
    gone = ecr.delete_lifecycle_policy(repositoryName="aging")
    assert json.loads(gone["lifecyclePolicyText"]) == {"rules": [rule]}
    aws.refused("LifecyclePolicyNotFoundException", ecr, "get_lifecycle_policy", repositoryName="aging")
    aws.refused(
        "InvalidParameterException",
        ecr,
        "put_lifecycle_policy",
        repositoryName="aging",
        lifecyclePolicyText=json.dumps({"rules": [{**rule, "rulePriority": "first"}] * 2, "more": "x" * 100}),
    )
    ecr.put_lifecycle_policy(repositoryName="aging", lifecyclePolicyText=text)


STORIES = [
    a_repository_is_made_with_settings,
    settings_are_changed,
    a_repository_has_tags,
    a_repository_has_a_lifecycle,
]
