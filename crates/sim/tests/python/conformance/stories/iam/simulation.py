"""The simulator of policies that IAM itself has."""

from __future__ import annotations

from typing import Any

from ...aws import Aws
from ...policies import allow, deny, trust

PULL = "ecr:BatchGetImage"
LOGIN = "ecr:GetAuthorizationToken"
# Whoever belongs to a team may.
TEAM = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "x"}}}
IN_TEAM = {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyValues": ["x"], "ContextKeyType": "string"}


def policies_are_tried(aws: Aws) -> None:
    iam = aws.client("iam")
    user = iam.create_user(UserName="caller")["User"]["Arn"]
    repository = f"arn:aws:ecr:us-east-1:{aws.account}:repository/app"

    def decisions(policy: str, *actions: str, **sent: Any) -> list[str]:
        answer = iam.simulate_custom_policy(PolicyInputList=[policy], ActionNames=list(actions), **sent)
        return [result["EvalDecision"] for result in answer["EvaluationResults"]]

    pull = allow(PULL, repository)
    assert decisions(pull, PULL) == ["implicitDeny"]
    aws.shown(
        "iam:SimulateCustomPolicy.ResourceArns",
        decisions(pull, PULL, LOGIN, ResourceArns=[repository]) == ["allowed", "implicitDeny"],
    )
    aws.shown(
        "iam:SimulateCustomPolicy.PermissionsBoundaryPolicyInputList",
        decisions(pull, PULL, ResourceArns=[repository], PermissionsBoundaryPolicyInputList=[deny("*")])
        == ["explicitDeny"],
    )
    team = allow(PULL, **TEAM)
    aws.shown(
        "iam:SimulateCustomPolicy.ContextEntries",
        [decisions(team, PULL), decisions(team, PULL, ContextEntries=[IN_TEAM])] == [["implicitDeny"], ["allowed"]],
    )
    # A policy of the repository allows what the user's own does not; of another account's it is not enough.
    sent = {
        "ResourceArns": [repository],
        "ResourcePolicy": trust({"AWS": user}, PULL, Resource=repository),
        "CallerArn": user,
    }
    own = allow(LOGIN)
    aws.shown("iam:SimulateCustomPolicy.ResourcePolicy", decisions(own, PULL, **sent) == ["allowed"])
    stranger = {**sent, "CallerArn": f"{user}-not"}
    aws.shown("iam:SimulateCustomPolicy.CallerArn", decisions(own, PULL, **stranger) == ["implicitDeny"])
    elsewhere = {**sent, "ResourceOwner": f"arn:aws:iam::{aws.other}:root", "ResourceArns": ["*"]}
    elsewhere["ResourcePolicy"] = trust({"AWS": user}, PULL, Resource="*")
    aws.shown("iam:SimulateCustomPolicy.ResourceOwner", decisions(own, PULL, **elsewhere) == ["implicitDeny"])
    aws.pages(
        iam, "simulate_custom_policy", "EvaluationResults", PolicyInputList=[pull], ActionNames=[PULL, LOGIN]
    )
    iam.delete_user(UserName="caller")


def the_policies_of_a_user_are_tried(aws: Aws) -> None:
    iam = aws.client("iam")
    user = iam.create_user(UserName="tried")["User"]["Arn"]
    repository = f"arn:aws:ecr:us-east-1:{aws.account}:repository/app"
    iam.put_user_policy(UserName="tried", PolicyName="pull", PolicyDocument=allow(PULL, repository))
    iam.put_user_policy(UserName="tried", PolicyName="team", PolicyDocument=allow("ecr:ListImages", **TEAM))

    def decisions(*actions: str, **sent: Any) -> list[str]:
        answer = iam.simulate_principal_policy(PolicySourceArn=user, ActionNames=list(actions), **sent)
        return [result["EvalDecision"] for result in answer["EvaluationResults"]]

    def shown(member: str, condition: bool) -> None:
        aws.shown(f"iam:SimulatePrincipalPolicy.{member}", condition)

    assert decisions(PULL, LOGIN) == ["implicitDeny", "implicitDeny"]
    shown("ResourceArns", decisions(PULL, ResourceArns=[repository]) == ["allowed"])
    shown("PolicyInputList", decisions(LOGIN, PolicyInputList=[allow(LOGIN)]) == ["allowed"])
    shown("ContextEntries", decisions("ecr:ListImages", ContextEntries=[IN_TEAM]) == ["allowed"])
    bounded = decisions(PULL, ResourceArns=[repository], PermissionsBoundaryPolicyInputList=[allow(LOGIN)])
    shown("PermissionsBoundaryPolicyInputList", bounded == ["implicitDeny"])
    read = "ecr:DescribeImages"
    sent = {"ResourceArns": ["*"], "ResourcePolicy": trust({"AWS": user}, read, Resource="*")}
    shown("ResourcePolicy", decisions(read, **sent) == ["allowed"])
    shown("CallerArn", decisions(read, **sent, CallerArn=f"{user}-not") == ["implicitDeny"])
    shown("ResourceOwner", decisions(read, **sent, ResourceOwner=f"arn:aws:iam::{aws.other}:root") == ["implicitDeny"])
    aws.refused("NoSuchEntity", iam, "simulate_principal_policy", PolicySourceArn=f"{user}-not", ActionNames=[PULL])
    aws.pages(iam, "simulate_principal_policy", "EvaluationResults", PolicySourceArn=user, ActionNames=[PULL, LOGIN])
    for name in ("pull", "team"):
        iam.delete_user_policy(UserName="tried", PolicyName=name)
    iam.delete_user(UserName="tried")


STORIES = [policies_are_tried, the_policies_of_a_user_are_tried]
