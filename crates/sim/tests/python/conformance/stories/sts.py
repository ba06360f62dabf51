"""Who one is, and who one may become."""

from __future__ import annotations

from typing import Any

from botocore.client import BaseClient

from ..aws import Aws
from ..place import Keys
from ..policies import READ_ONLY, allow, trust
from . import Story


def the_root_asks_who_it_is(aws: Aws) -> None:
    identity = aws.client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{aws.account}:root"
    assert identity["UserId"] == identity["Account"] == aws.account


def somebody_comes_with_a_token(aws: Aws) -> None:
    iam, sts = aws.client("iam"), aws.client("sts")
    provider = iam.create_open_id_connect_provider(Url=aws.place.issuer, ClientIDList=[aws.place.audience])
    arn = provider["OpenIDConnectProviderArn"]
    document = trust({"Federated": arn}, "sts:AssumeRoleWithWebIdentity")
    role = iam.create_role(RoleName="federated", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName="federated", PolicyName="all", PolicyDocument=allow(["iam:*", "ecr:*"]))
    sent = {"RoleArn": role, "RoleSessionName": "wharf", "WebIdentityToken": aws.place.web_identity_token}
    answer = sts.assume_role_with_web_identity(**sent)
    assert answer["SubjectFromWebIdentityToken"] == aws.place.subject
    assert (answer["Audience"], answer["Provider"]) == (aws.place.audience, arn)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{aws.account}:assumed-role/federated/wharf"

    def session(**more: object) -> Keys:
        return keys_of(sts.assume_role_with_web_identity(**sent, **more))

    whole = session()
    assert aws.client("iam", whole).get_role(RoleName="federated")["Role"]["Arn"] == role
    limited = session(Policy=allow("ecr:*"))
    refusal = aws.refused("AccessDenied", aws.client("iam", limited), "get_role", RoleName="federated")
    aws.shown("sts:AssumeRoleWithWebIdentity.Policy", "no session policy allows" in refusal)

    lifetimes = [
        sts.assume_role_with_web_identity(**sent, DurationSeconds=seconds)["Credentials"]["Expiration"]
        for seconds in _LIVES
    ]
    seconds = (lifetimes[1] - lifetimes[0]).total_seconds()
    aws.shown("sts:AssumeRoleWithWebIdentity.DurationSeconds", abs(seconds - 2700) < 60)

    aws.refused(
        "InvalidIdentityToken", sts, "assume_role_with_web_identity", **{**sent, "WebIdentityToken": "not.a.token"}
    )
    aws.refused("AccessDenied", sts, "assume_role_with_web_identity", **{**sent, "RoleArn": f"{role}-not"})


def a_session_is_limited_by_managed_policies(aws: Aws) -> None:
    limited = aws.client("sts").assume_role_with_web_identity(
        RoleArn=_federated_role(aws)["AWS"],
        RoleSessionName="wharf",
        WebIdentityToken=aws.place.web_identity_token,
        PolicyArns=[{"arn": READ_ONLY}],
    )
    iam = aws.client("iam", keys_of(limited))
    refusal = aws.refused("AccessDenied", iam, "get_role", RoleName="federated")
    aws.shown("sts:AssumeRoleWithWebIdentity.PolicyArns", "no session policy allows" in refusal)


def a_role_becomes_another(aws: Aws) -> None:
    iam, first = aws.client("iam"), _federated(aws)
    iam.put_role_policy(RoleName="federated", PolicyName="hop", PolicyDocument=allow("sts:*"))
    document = trust(_federated_role(aws), Condition={"StringEquals": {"sts:ExternalId": "customer-1"}})
    role = iam.create_role(RoleName="next", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    sent = {"RoleArn": role, "RoleSessionName": "hop"}
    aws.refused("AccessDenied", first, "assume_role", **sent)
    sent["ExternalId"] = "customer-1"
    answer = first.assume_role(**sent)
    aws.shown("sts:AssumeRole.ExternalId", answer["AssumedRoleUser"]["Arn"].endswith("assumed-role/next/hop"))
    lifetimes = [first.assume_role(**sent, DurationSeconds=seconds)["Credentials"]["Expiration"] for seconds in _LIVES]
    aws.shown("sts:AssumeRole.DurationSeconds", abs((lifetimes[1] - lifetimes[0]).total_seconds() - 2700) < 60)
    too_long = aws.refused("ValidationError", first, "assume_role", **sent, DurationSeconds=3601)
    assert too_long == (
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    )
    iam.put_role_policy(RoleName="next", PolicyName="all", PolicyDocument=allow("*"))
    limited = keys_of(first.assume_role(**sent, Policy=allow("ecr:*")))
    refusal = aws.refused("AccessDenied", aws.client("iam", limited), "get_role", RoleName="next")
    aws.shown("sts:AssumeRole.Policy", "no session policy allows" in refusal)


def a_hop_is_limited_by_managed_policies(aws: Aws) -> None:
    first = _federated(aws)
    role = f"arn:aws:iam::{aws.account}:role/next"
    limited = keys_of(
        first.assume_role(
            RoleArn=role, RoleSessionName="hop", ExternalId="customer-1", PolicyArns=[{"arn": READ_ONLY}]
        )
    )
    refusal = aws.refused("AccessDenied", aws.client("iam", limited), "get_role", RoleName="next")
    aws.shown("sts:AssumeRole.PolicyArns", "no session policy allows" in refusal)


def a_session_has_tags(aws: Aws) -> None:
    iam, first = aws.client("iam"), _federated(aws)
    actions = ["sts:AssumeRole", "sts:TagSession"]
    names = ("tagged", "last")
    iam.create_role(RoleName="tagged", AssumeRolePolicyDocument=trust(_federated_role(aws), actions))
    tagged = {"AWS": f"arn:aws:iam::{aws.account}:role/tagged"}
    iam.create_role(RoleName="last", AssumeRolePolicyDocument=trust(tagged, actions))
    if_tagged = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "x"}}}
    for name in names:
        document = allow(["iam:GetRole", "sts:AssumeRole"], **if_tagged)
        iam.put_role_policy(RoleName=name, PolicyName="tagged", PolicyDocument=document)
    tagged_role, last = (f"arn:aws:iam::{aws.account}:role/{name}" for name in names)
    sent = {"RoleArn": tagged_role, "RoleSessionName": "tags"}

    plain = keys_of(first.assume_role(**sent))
    aws.refused("AccessDenied", aws.client("iam", plain), "get_role", RoleName="tagged")
    tags = [{"Key": "team", "Value": "x"}]
    for sticky in (False, True):
        more = {"TransitiveTagKeys": ["team"]} if sticky else {}
        session = keys_of(first.assume_role(**sent, Tags=tags, **more))
        assert aws.client("iam", session).get_role(RoleName="tagged")["Role"]["Arn"] == tagged_role
        aws.shown("sts:AssumeRole.Tags", True)
        hop = keys_of(aws.client("sts", session).assume_role(RoleArn=last, RoleSessionName="last"))
        if sticky:
            assert aws.client("iam", hop).get_role(RoleName="last")["Role"]["Arn"] == last
            aws.shown("sts:AssumeRole.TransitiveTagKeys", True)
        else:
            aws.refused("AccessDenied", aws.client("iam", hop), "get_role", RoleName="last")


def a_session_says_who_is_behind_it(aws: Aws) -> None:
    iam, first = aws.client("iam"), _federated(aws)
    document = trust(_federated_role(aws), ["sts:AssumeRole", "sts:SetSourceIdentity"])
    role = iam.create_role(RoleName="sourced", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    answer = first.assume_role(RoleArn=role, RoleSessionName="hop", SourceIdentity="ada")
    aws.shown("sts:AssumeRole.SourceIdentity", answer["SourceIdentity"] == "ada")


def keys_make_a_session(aws: Aws) -> None:
    sts = aws.client("sts")
    lifetimes = [sts.get_session_token(DurationSeconds=seconds)["Credentials"]["Expiration"] for seconds in _LIVES]
    aws.shown("sts:GetSessionToken.DurationSeconds", abs((lifetimes[1] - lifetimes[0]).total_seconds() - 2700) < 60)
    session = aws.client("sts", keys_of(sts.get_session_token()))
    assert session.get_caller_identity()["Arn"] == f"arn:aws:iam::{aws.account}:root"
    aws.refused("AccessDenied", session, "get_session_token")


def a_key_tells_its_account(aws: Aws) -> None:
    sts = aws.client("sts")
    assert sts.get_access_key_info(AccessKeyId=aws.place.roots[aws.other].id)["Account"] == aws.other


def keys_of(answer: dict[str, Any]) -> Keys:
    credentials = answer["Credentials"]
    return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def _federated_role(aws: Aws) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{aws.account}:role/federated"}


def _federated(aws: Aws) -> BaseClient:
    """STS for a session of the role of somebody who came with a token."""
    answer = aws.client("sts").assume_role_with_web_identity(
        RoleArn=_federated_role(aws)["AWS"], RoleSessionName="wharf", WebIdentityToken=aws.place.web_identity_token
    )
    return aws.client("sts", keys_of(answer))


# Seconds that sessions are asked for, to see the difference.
_LIVES = (900, 3600)

STORIES: list[Story] = [
    the_root_asks_who_it_is,
    somebody_comes_with_a_token,
    a_session_is_limited_by_managed_policies,
    a_role_becomes_another,
    a_hop_is_limited_by_managed_policies,
    a_session_has_tags,
    a_session_says_who_is_behind_it,
    keys_make_a_session,
    a_key_tells_its_account,
]
