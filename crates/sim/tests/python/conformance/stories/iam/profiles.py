"""Instance profiles."""

from __future__ import annotations

from ...aws import Aws
from ...policies import trust


def a_profile_brings_a_role_to_an_instance(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="instance", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    profile = iam.create_instance_profile(
        InstanceProfileName="one", Path="/team/", Tags=[{"Key": "a", "Value": "1"}]
    )["InstanceProfile"]
    aws.shown(
        "iam:CreateInstanceProfile.Path", profile["Arn"] == f"arn:aws:iam::{aws.account}:instance-profile/team/one"
    )
    aws.shown("iam:CreateInstanceProfile.Tags", profile["Tags"] == [{"Key": "a", "Value": "1"}])
    iam.create_instance_profile(InstanceProfileName="two")
    iam.get_waiter("instance_profile_exists").wait(
        InstanceProfileName="one", WaiterConfig={"Delay": 0, "MaxAttempts": 1}
    )
    aws.refused("EntityAlreadyExists", iam, "create_instance_profile", InstanceProfileName="one")
    for name in ("one", "two"):
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="instance")
    aws.refused("LimitExceeded", iam, "add_role_to_instance_profile", InstanceProfileName="one", RoleName="instance")
    shown = iam.get_instance_profile(InstanceProfileName="one")["InstanceProfile"]
    assert [role["RoleName"] for role in shown["Roles"]] == ["instance"]

    listed = aws.pages(iam, "list_instance_profiles", "InstanceProfiles")
    assert [profile["InstanceProfileName"] for profile in listed] == ["one", "two"]
    below = iam.list_instance_profiles(PathPrefix="/team/")["InstanceProfiles"]
    aws.shown(
        "iam:ListInstanceProfiles.PathPrefix", [profile["InstanceProfileName"] for profile in below] == ["one"]
    )
    of_role = aws.pages(iam, "list_instance_profiles_for_role", "InstanceProfiles", RoleName="instance")
    assert [profile["InstanceProfileName"] for profile in of_role] == ["one", "two"]

    aws.refused("DeleteConflict", iam, "delete_role", RoleName="instance")
    aws.refused("DeleteConflict", iam, "delete_instance_profile", InstanceProfileName="one")
    for name in ("one", "two"):
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName="instance")
        iam.delete_instance_profile(InstanceProfileName=name)
    aws.refused("NoSuchEntity", iam, "get_instance_profile", InstanceProfileName="one")
    iam.delete_role(RoleName="instance")


def a_profile_has_tags(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_instance_profile(InstanceProfileName="tagged")
    iam.tag_instance_profile(
        InstanceProfileName="tagged", Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}]
    )
    tags = aws.pages(iam, "list_instance_profile_tags", "Tags", InstanceProfileName="tagged")
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "3", "b": "2"}
    iam.untag_instance_profile(InstanceProfileName="tagged", TagKeys=["a", "b"])
    assert iam.list_instance_profile_tags(InstanceProfileName="tagged")["Tags"] == []
    iam.delete_instance_profile(InstanceProfileName="tagged")


STORIES = [a_profile_brings_a_role_to_an_instance, a_profile_has_tags]
