"""Roles, whom they trust, their own policies, their boundary."""

from __future__ import annotations

from ...aws import Aws
from ...policies import READ_ONLY, allow, trust, trust_account
from .users import BOUNDARY


def a_role_comes_and_goes(aws: Aws) -> None:
    iam = aws.client("iam")
    document = trust_account(aws.other)
    plain = iam.create_role(RoleName="plain", AssumeRolePolicyDocument=document)["Role"]
    assert plain["Arn"] == f"arn:aws:iam::{aws.account}:role/plain"
    role = iam.create_role(RoleName="puller", AssumeRolePolicyDocument=document, Path="/team/")["Role"]
    aws.shown("iam:CreateRole.Path", role["Arn"] == f"arn:aws:iam::{aws.account}:role/team/puller")
    iam.get_waiter("role_exists").wait(RoleName="puller", WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    aws.refused("EntityAlreadyExists", iam, "create_role", RoleName="Puller", AssumeRolePolicyDocument=document)

    iam.update_assume_role_policy(RoleName="puller", PolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    shown = iam.get_role(RoleName="puller")["Role"]
    assert shown["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}
    aws.refused("MalformedPolicyDocument", iam, "update_assume_role_policy", RoleName="puller", PolicyDocument="{}")
    stranger = trust({"AWS": "arn:aws:iam::0123456789012:role/push"})
    refusal = aws.refused(
        "MalformedPolicyDocument", iam, "update_assume_role_policy", RoleName="puller", PolicyDocument=stranger
    )
    assert refusal == 'Invalid principal in policy: "AWS":"arn:aws:iam::0123456789012:role/push"'
    for name in ("puller", "plain"):
        iam.delete_role(RoleName=name)
    aws.refused("NoSuchEntity", iam, "get_role", RoleName="puller")
    aws.refused("NoSuchEntity", iam, "delete_role", RoleName="puller")


def a_role_says_what_it_is_for(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_role(
        RoleName="described",
        AssumeRolePolicyDocument=trust_account(aws.other),
        Description="Pulls images",
        MaxSessionDuration=7200,
    )
    shown = iam.get_role(RoleName="described")["Role"]
    aws.shown("iam:CreateRole.Description", shown["Description"] == "Pulls images")
    aws.shown("iam:CreateRole.MaxSessionDuration", shown["MaxSessionDuration"] == 7200)
    iam.delete_role(RoleName="described")


def a_role_is_changed(aws: Aws) -> None:
    iam = aws.client("iam")
    role = iam.create_role(
        RoleName="changed",
        AssumeRolePolicyDocument=trust_account(aws.other),
        PermissionsBoundary=READ_ONLY,
        Tags=[{"Key": "team", "Value": "x"}],
    )["Role"]
    aws.shown("iam:CreateRole.PermissionsBoundary", role["PermissionsBoundary"] == BOUNDARY)
    aws.shown("iam:CreateRole.Tags", iam.get_role(RoleName="changed")["Role"]["Tags"] == role["Tags"] != [])
    iam.update_role(RoleName="changed", Description="Pushes them", MaxSessionDuration=3600)
    shown = iam.get_role(RoleName="changed")["Role"]
    aws.shown("iam:UpdateRole.Description", shown["Description"] == "Pushes them")
    aws.shown("iam:UpdateRole.MaxSessionDuration", shown["MaxSessionDuration"] == 3600)
    iam.update_role_description(RoleName="changed", Description="Rests")
    assert iam.get_role(RoleName="changed")["Role"]["Description"] == "Rests"
    iam.delete_role(RoleName="changed")


def roles_are_listed(aws: Aws) -> None:
    iam = aws.client("iam")
    for name, path in (("one", "/"), ("two", "/listed/")):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust_account(aws.other))
    assert [role["RoleName"] for role in aws.pages(iam, "list_roles", "Roles")] == ["one", "two"]
    below = iam.list_roles(PathPrefix="/listed/")["Roles"]
    aws.shown("iam:ListRoles.PathPrefix", [role["RoleName"] for role in below] == ["two"])
    for name in ("one", "two"):
        iam.delete_role(RoleName=name)


def a_role_has_tags(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="tagged", AssumeRolePolicyDocument=trust_account(aws.other))
    iam.tag_role(RoleName="tagged", Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    tags = aws.pages(iam, "list_role_tags", "Tags", RoleName="tagged")
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "3", "b": "2"}
    iam.untag_role(RoleName="tagged", TagKeys=["a", "b"])
    assert iam.list_role_tags(RoleName="tagged")["Tags"] == []
    iam.delete_role(RoleName="tagged")


def a_role_has_a_policy_of_its_own(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="inline", AssumeRolePolicyDocument=trust_account(aws.other))
    document = allow("ecr:GetAuthorizationToken")
    iam.put_role_policy(RoleName="inline", PolicyName="login", PolicyDocument=document)
    shown = iam.get_role_policy(RoleName="inline", PolicyName="login")
    assert shown["PolicyDocument"]["Statement"][0]["Action"] == "ecr:GetAuthorizationToken"
    aws.refused("DeleteConflict", iam, "delete_role", RoleName="inline")
    iam.delete_role_policy(RoleName="inline", PolicyName="login")
    aws.refused("NoSuchEntity", iam, "delete_role_policy", RoleName="inline", PolicyName="login")
    iam.delete_role(RoleName="inline")


def policies_of_a_role_are_listed(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="many", AssumeRolePolicyDocument=trust_account(aws.other))
    for name in ("one", "two"):
        iam.put_role_policy(RoleName="many", PolicyName=name, PolicyDocument=allow("ecr:ListImages"))
    assert aws.pages(iam, "list_role_policies", "PolicyNames", RoleName="many") == ["one", "two"]
    for name in ("one", "two"):
        iam.delete_role_policy(RoleName="many", PolicyName=name)
    iam.delete_role(RoleName="many")


def a_role_has_a_boundary(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=trust_account(aws.other))
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=READ_ONLY)
    assert iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"] == BOUNDARY
    iam.delete_role_permissions_boundary(RoleName="bounded")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="bounded")["Role"]
    iam.delete_role(RoleName="bounded")


STORIES = [
    a_role_comes_and_goes,
    a_role_says_what_it_is_for,
    a_role_is_changed,
    roles_are_listed,
    a_role_has_tags,
    a_role_has_a_policy_of_its_own,
    policies_of_a_role_are_listed,
    a_role_has_a_boundary,
]
