"""Users, their tags, their own policies, their boundary."""

from __future__ import annotations

from ...aws import Aws
from ...policies import READ_ONLY, allow

# The model's own word is another one, and AWS does not use it.
BOUNDARY = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY}


def a_user_comes_and_goes(aws: Aws) -> None:
    iam = aws.client("iam")
    user = iam.create_user(
        UserName="ada", Path="/team/", PermissionsBoundary=READ_ONLY, Tags=[{"Key": "cost", "Value": "1"}]
    )["User"]
    aws.shown("iam:CreateUser.Path", user["Arn"] == f"arn:aws:iam::{aws.account}:user/team/ada")
    aws.shown("iam:CreateUser.PermissionsBoundary", user["PermissionsBoundary"] == BOUNDARY)
    aws.shown("iam:CreateUser.Tags", user["Tags"] == [{"Key": "cost", "Value": "1"}])
    iam.get_waiter("user_exists").wait(UserName="ada", WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    iam.create_user(UserName="bob")

    shown = iam.get_user(UserName="ada")["User"]
    aws.shown("iam:GetUser.UserName", shown == {**user, "Tags": user["Tags"]})
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{aws.account}:root"
    users = aws.pages(iam, "list_users", "Users")
    assert [user["UserName"] for user in users] == ["ada", "bob"]
    below = iam.list_users(PathPrefix="/team/")["Users"]
    aws.shown("iam:ListUsers.PathPrefix", [user["UserName"] for user in below] == ["ada"])

    aws.refused("EntityAlreadyExists", iam, "create_user", UserName="ADA")
    aws.refused("NoSuchEntity", iam, "get_user", UserName="nobody-of-that-name")
    iam.delete_user(UserName="ada")
    iam.delete_user(UserName="bob")
    aws.refused("NoSuchEntity", iam, "delete_user", UserName="ada")


def a_user_is_renamed(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="eve")
    iam.update_user(UserName="eve", NewUserName="eva", NewPath="/elsewhere/")
    user = iam.get_user(UserName="eva")["User"]
    aws.shown("iam:UpdateUser.NewUserName", user["UserName"] == "eva")
    aws.shown("iam:UpdateUser.NewPath", user["Path"] == "/elsewhere/")
    iam.delete_user(UserName="eva")


def a_user_has_tags(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="tagged", Tags=[{"Key": "a", "Value": "1"}])
    iam.tag_user(UserName="tagged", Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    tags = aws.pages(iam, "list_user_tags", "Tags", UserName="tagged")
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "3", "b": "2"}
    iam.untag_user(UserName="tagged", TagKeys=["a", "b"])
    assert iam.list_user_tags(UserName="tagged")["Tags"] == []
    iam.delete_user(UserName="tagged")


def a_user_has_policies_of_its_own(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="inline")
    for name in ("one", "two"):
        iam.put_user_policy(UserName="inline", PolicyName=name, PolicyDocument=allow("ecr:GetAuthorizationToken"))
    assert aws.pages(iam, "list_user_policies", "PolicyNames", UserName="inline") == ["one", "two"]
    shown = iam.get_user_policy(UserName="inline", PolicyName="one")
    assert shown["PolicyDocument"]["Statement"][0]["Action"] == "ecr:GetAuthorizationToken"
    aws.refused("DeleteConflict", iam, "delete_user", UserName="inline")
    aws.refused(
        "MalformedPolicyDocument", iam, "put_user_policy", UserName="inline", PolicyName="x", PolicyDocument="{}"
    )
    for name in ("one", "two"):
        iam.delete_user_policy(UserName="inline", PolicyName=name)
    aws.refused("NoSuchEntity", iam, "get_user_policy", UserName="inline", PolicyName="one")
    iam.delete_user(UserName="inline")


def a_user_has_a_boundary(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="bounded")
    iam.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=READ_ONLY)
    assert iam.get_user(UserName="bounded")["User"]["PermissionsBoundary"] == BOUNDARY
    iam.delete_user_permissions_boundary(UserName="bounded")
    assert "PermissionsBoundary" not in iam.get_user(UserName="bounded")["User"]
    iam.delete_user(UserName="bounded")


STORIES = [
    a_user_comes_and_goes,
    a_user_is_renamed,
    a_user_has_tags,
    a_user_has_policies_of_its_own,
    a_user_has_a_boundary,
]
