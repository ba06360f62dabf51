"""Access keys."""

from __future__ import annotations

from ...aws import Aws
from ...place import Keys


def a_user_has_two_keys(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="keyed")
    made = [iam.create_access_key(UserName="keyed")["AccessKey"] for _ in range(2)]
    aws.shown("iam:CreateAccessKey.UserName", all(key["UserName"] == "keyed" for key in made))
    aws.refused("LimitExceeded", iam, "create_access_key", UserName="keyed")
    listed = aws.pages(iam, "list_access_keys", "AccessKeyMetadata", UserName="keyed")
    aws.shown(
        "iam:ListAccessKeys.UserName",
        sorted(key["AccessKeyId"] for key in listed) == sorted(key["AccessKeyId"] for key in made),
    )

    first = made[0]
    sts = aws.client("sts", Keys(first["AccessKeyId"], first["SecretAccessKey"]))
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{aws.account}:user/keyed"

    iam.update_access_key(UserName="keyed", AccessKeyId=first["AccessKeyId"], Status="Inactive")
    status = {key["AccessKeyId"]: key["Status"] for key in iam.list_access_keys(UserName="keyed")["AccessKeyMetadata"]}
    aws.shown("iam:UpdateAccessKey.UserName", status[first["AccessKeyId"]] == "Inactive")
    aws.refused("InvalidClientTokenId", sts, "get_caller_identity")

    aws.refused("DeleteConflict", iam, "delete_user", UserName="keyed")
    aws.refused("NoSuchEntity", iam, "delete_access_key", UserName="keyed", AccessKeyId="AKIAAAAAAAAAAAAAAAAA")
    for key in made:
        iam.delete_access_key(UserName="keyed", AccessKeyId=key["AccessKeyId"])
    aws.shown("iam:DeleteAccessKey.UserName", iam.list_access_keys(UserName="keyed")["AccessKeyMetadata"] == [])
    iam.delete_user(UserName="keyed")


STORIES = [a_user_has_two_keys]
