"""Managed policies and their versions."""

from __future__ import annotations

from ...aws import Aws
from ...policies import allow

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def a_policy_comes_and_goes(aws: Aws) -> None:
    iam = aws.client("iam")
    policy = iam.create_policy(
        PolicyName="pull",
        PolicyDocument=allow(PULL),
        Path="/team/",
        Description="Pulls images",
        Tags=[{"Key": "team", "Value": "x"}],
    )["Policy"]
    arn = f"arn:aws:iam::{aws.account}:policy/team/pull"
    aws.shown("iam:CreatePolicy.Path", policy["Arn"] == arn)
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (shown["DefaultVersionId"], shown["AttachmentCount"], shown["IsAttachable"]) == ("v1", 0, True)
    aws.shown("iam:CreatePolicy.Description", shown["Description"] == "Pulls images")
    aws.shown("iam:CreatePolicy.Tags", shown["Tags"] == [{"Key": "team", "Value": "x"}])
    iam.get_waiter("policy_exists").wait(PolicyArn=arn, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    aws.refused(
        "EntityAlreadyExists", iam, "create_policy", PolicyName="pull", Path="/team/", PolicyDocument=allow(PULL)
    )
    aws.refused("MalformedPolicyDocument", iam, "create_policy", PolicyName="bad", PolicyDocument="{}")
    iam.delete_policy(PolicyArn=arn)
    aws.refused("NoSuchEntity", iam, "get_policy", PolicyArn=arn)


def a_policy_has_versions(aws: Aws) -> None:
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName="versioned", PolicyDocument=allow(PULL))["Policy"]["Arn"]
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("ecr:*"), SetAsDefault=True)["PolicyVersion"]
    aws.shown("iam:CreatePolicyVersion.SetAsDefault", second["IsDefaultVersion"])
    versions = aws.pages(iam, "list_policy_versions", "Versions", PolicyArn=arn)
    assert sorted(version["VersionId"] for version in versions) == ["v1", "v2"]
    shown = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert shown["Document"]["Statement"][0]["Action"] == "ecr:*"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    aws.refused("DeleteConflict", iam, "delete_policy_version", PolicyArn=arn, VersionId="v1")
    aws.refused("DeleteConflict", iam, "delete_policy", PolicyArn=arn)
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("ecr:ListImages"))
    aws.refused("LimitExceeded", iam, "create_policy_version", PolicyArn=arn, PolicyDocument=allow("ecr:*"))
    for version in ("v2", "v3", "v4", "v5"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    aws.refused("NoSuchEntity", iam, "get_policy_version", PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)


def policies_are_listed(aws: Aws) -> None:
    iam = aws.client("iam")
    for name, path in (("one", "/"), ("two", "/listed/")):
        iam.create_policy(PolicyName=name, Path=path, PolicyDocument=allow(PULL))
    listed = aws.pages(iam, "list_policies", "Policies", Scope="Local")
    aws.shown("iam:ListPolicies.Scope", [policy["PolicyName"] for policy in listed] == ["one", "two"])
    assert all(policy["Arn"].startswith("arn:aws:iam::aws:") for policy in iam.list_policies(Scope="AWS")["Policies"])
    below = iam.list_policies(Scope="Local", PathPrefix="/listed/")["Policies"]
    aws.shown("iam:ListPolicies.PathPrefix", [policy["PolicyName"] for policy in below] == ["two"])

    iam.create_user(UserName="attached")
    one, two = (policy["Arn"] for policy in listed)
    iam.attach_user_policy(UserName="attached", PolicyArn=one)
    iam.put_user_permissions_boundary(UserName="attached", PermissionsBoundary=two)
    attached = iam.list_policies(Scope="Local", OnlyAttached=True, PolicyUsageFilter="PermissionsPolicy")["Policies"]
    aws.shown("iam:ListPolicies.OnlyAttached", [policy["Arn"] for policy in attached] == [one])
    boundaries = iam.list_policies(Scope="Local", PolicyUsageFilter="PermissionsBoundary")["Policies"]
    aws.shown("iam:ListPolicies.PolicyUsageFilter", [policy["Arn"] for policy in boundaries] == [two])
    iam.detach_user_policy(UserName="attached", PolicyArn=one)
    iam.delete_user_permissions_boundary(UserName="attached")
    iam.delete_user(UserName="attached")
    for arn in (one, two):
        iam.delete_policy(PolicyArn=arn)


def a_policy_has_tags(aws: Aws) -> None:
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName="tagged", PolicyDocument=allow(PULL))["Policy"]["Arn"]
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    tags = aws.pages(iam, "list_policy_tags", "Tags", PolicyArn=arn)
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "3", "b": "2"}
    iam.untag_policy(PolicyArn=arn, TagKeys=["a", "b"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == []
    iam.delete_policy(PolicyArn=arn)


STORIES = [a_policy_comes_and_goes, a_policy_has_versions, policies_are_listed, a_policy_has_tags]
