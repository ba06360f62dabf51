"""Managed policies on users and roles."""

from __future__ import annotations

from ...aws import Aws
from ...policies import READ_ONLY, allow, trust_account


def a_user_gets_policies(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="attached")
    own = iam.create_policy(PolicyName="own", Path="/team/", PolicyDocument=allow("ecr:ListImages"))["Policy"]["Arn"]
    for arn in (own, READ_ONLY):
        iam.attach_user_policy(UserName="attached", PolicyArn=arn)
    attached = aws.pages(iam, "list_attached_user_policies", "AttachedPolicies", UserName="attached")
    assert {policy["PolicyArn"] for policy in attached} == {own, READ_ONLY}
    below = iam.list_attached_user_policies(UserName="attached", PathPrefix="/team/")["AttachedPolicies"]
    aws.shown("iam:ListAttachedUserPolicies.PathPrefix", [policy["PolicyArn"] for policy in below] == [own])
    aws.refused("DeleteConflict", iam, "delete_policy", PolicyArn=own)
    aws.refused("DeleteConflict", iam, "delete_user", UserName="attached")
    aws.refused("NoSuchEntity", iam, "attach_user_policy", UserName="attached", PolicyArn=f"{own}-not")
    for arn in (own, READ_ONLY):
        iam.detach_user_policy(UserName="attached", PolicyArn=arn)
    aws.refused("NoSuchEntity", iam, "detach_user_policy", UserName="attached", PolicyArn=own)
    iam.delete_policy(PolicyArn=own)
    iam.delete_user(UserName="attached")


def a_role_gets_policies(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="attached", AssumeRolePolicyDocument=trust_account(aws.other))
    own = iam.create_policy(PolicyName="own", Path="/team/", PolicyDocument=allow("ecr:ListImages"))["Policy"]["Arn"]
    for arn in (own, READ_ONLY):
        iam.attach_role_policy(RoleName="attached", PolicyArn=arn)
    attached = aws.pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName="attached")
    assert {policy["PolicyArn"] for policy in attached} == {own, READ_ONLY}
    below = iam.list_attached_role_policies(RoleName="attached", PathPrefix="/team/")["AttachedPolicies"]
    aws.shown("iam:ListAttachedRolePolicies.PathPrefix", [policy["PolicyArn"] for policy in below] == [own])
    aws.refused("DeleteConflict", iam, "delete_role", RoleName="attached")
    for arn in (own, READ_ONLY):
        iam.detach_role_policy(RoleName="attached", PolicyArn=arn)
    iam.delete_policy(PolicyArn=own)
    iam.delete_role(RoleName="attached")


def a_policy_knows_who_has_it(aws: Aws) -> None:
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName="shared", PolicyDocument=allow("ecr:ListImages"))["Policy"]["Arn"]
    for name, path in (("one", "/"), ("two", "/team/")):
        iam.create_user(UserName=name, Path=path)
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    iam.create_role(RoleName="three", AssumeRolePolicyDocument=trust_account(aws.other), PermissionsBoundary=arn)
    users = aws.pages(
        iam, "list_entities_for_policy", "PolicyUsers", PolicyArn=arn, EntityFilter="User"
    )
    aws.shown("iam:ListEntitiesForPolicy.EntityFilter", [user["UserName"] for user in users] == ["one", "two"])
    below = iam.list_entities_for_policy(PolicyArn=arn, PathPrefix="/team/")
    aws.shown(
        "iam:ListEntitiesForPolicy.PathPrefix",
        [user["UserName"] for user in below["PolicyUsers"]] == ["two"] and below["PolicyRoles"] == [],
    )
    bounded = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    aws.shown(
        "iam:ListEntitiesForPolicy.PolicyUsageFilter",
        [role["RoleName"] for role in bounded["PolicyRoles"]] == ["three"] and bounded["PolicyUsers"] == [],
    )
    for name in ("one", "two"):
        iam.detach_user_policy(UserName=name, PolicyArn=arn)
        iam.delete_user(UserName=name)
    iam.delete_role(RoleName="three")
    iam.delete_policy(PolicyArn=arn)


STORIES = [a_user_gets_policies, a_role_gets_policies, a_policy_knows_who_has_it]
