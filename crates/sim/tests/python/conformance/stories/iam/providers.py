"""OpenID Connect providers."""

from __future__ import annotations

from ...aws import Aws

THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"


def a_provider_comes_and_goes(aws: Aws) -> None:
    iam = aws.client("iam")
    arn = iam.create_open_id_connect_provider(
        Url="https://oidc.example.com/id", ClientIDList=["sts.amazonaws.com"], ThumbprintList=[THUMBPRINT]
    )["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{aws.account}:oidc-provider/oidc.example.com/id"
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert shown["Url"] == "oidc.example.com/id"
    aws.shown("iam:CreateOpenIDConnectProvider.ClientIDList", shown["ClientIDList"] == ["sts.amazonaws.com"])
    aws.shown("iam:CreateOpenIDConnectProvider.ThumbprintList", shown["ThumbprintList"] == [THUMBPRINT])
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert {"Arn": arn} in listed
    aws.refused(
        "EntityAlreadyExists",
        iam,
        "create_open_id_connect_provider",
        Url="https://oidc.example.com/id",
        ThumbprintList=[THUMBPRINT],
    )
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    aws.refused("NoSuchEntity", iam, "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)


def a_provider_takes_more_clients(aws: Aws) -> None:
    iam = aws.client("iam")
    arn = iam.create_open_id_connect_provider(Url="https://clients.example.com", ThumbprintList=[THUMBPRINT])[
        "OpenIDConnectProviderArn"
    ]
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["one"]
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    assert "one" not in iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn).get("ClientIDList", [])
    other = THUMBPRINT.replace("9e", "00")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[other])
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ThumbprintList"] == [other]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def a_provider_has_tags(aws: Aws) -> None:
    iam = aws.client("iam")
    provider = iam.create_open_id_connect_provider(
        Url="https://tags.example.com", ThumbprintList=[THUMBPRINT], Tags=[{"Key": "a", "Value": "1"}]
    )
    aws.shown("iam:CreateOpenIDConnectProvider.Tags", provider["Tags"] == [{"Key": "a", "Value": "1"}])
    arn = provider["OpenIDConnectProviderArn"]
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    tags = aws.pages(iam, "list_open_id_connect_provider_tags", "Tags", OpenIDConnectProviderArn=arn)
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "1", "b": "2"}
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["a", "b"])
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


STORIES = [a_provider_comes_and_goes, a_provider_takes_more_clients, a_provider_has_tags]
