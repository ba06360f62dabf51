"""The registry as a whole."""

from __future__ import annotations

from ...aws import Aws


def a_registry_replicates_nothing(aws: Aws) -> None:
    ecr = aws.client("ecr")
    shown = ecr.describe_registry()
    assert (shown["registryId"], shown["replicationConfiguration"]) == (aws.account, {"rules": []})
    ecr.put_replication_configuration(replicationConfiguration={"rules": []})
    destination = {"region": "eu-west-1", "registryId": aws.account}
    refusal = aws.refused(
        "InvalidParameterException",
        ecr,
        "put_replication_configuration",
        replicationConfiguration={"rules": [{"destinations": [destination]}]},
    )
    assert refusal.startswith("This simulated AWS has no replication")


def a_registry_has_no_policy(aws: Aws) -> None:
    ecr = aws.client("ecr")
    aws.refused("RegistryPolicyNotFoundException", ecr, "get_registry_policy")
    aws.refused("RegistryPolicyNotFoundException", ecr, "delete_registry_policy")


def a_registry_is_as_it_was_made(aws: Aws) -> None:
    ecr = aws.client("ecr")
    assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
    assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == []
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["scanType"] == "BASIC"
    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"


def an_account_mounts_layers(aws: Aws) -> None:
    ecr = aws.client("ecr")
    for value in ("ENABLED", "DISABLED"):
        answer = ecr.put_account_setting(name="BLOB_MOUNTING", value=value)
        assert (answer["name"], answer["value"]) == ("BLOB_MOUNTING", value)
        assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == value


STORIES = [
    a_registry_replicates_nothing,
    a_registry_has_no_policy,
    a_registry_is_as_it_was_made,
    an_account_mounts_layers,
]
