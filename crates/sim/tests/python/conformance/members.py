"""What becomes of the members of inputs that no story shows to be acted on.

Every optional member of every operation is shown by a story, or it stands here. A member that a newer model brings
stands nowhere, and fails the test until somebody has decided.
"""

from __future__ import annotations

from typing import Any

_TAGS = [{"Key": "team", "Value": "x"}]
_READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"

# What the simulator does not have and says so: a value that AWS would take.
REFUSED: dict[str, Any] = {
    "iam:SimulateCustomPolicy.ResourceHandlingOption": "EC2-VPC-InstanceStore",
    "iam:SimulatePrincipalPolicy.ResourceHandlingOption": "EC2-VPC-InstanceStore",
    "ecr-public:CreateRepository.catalogData": {"description": "Images"},
    "ecr-public:CreateRepository.tags": _TAGS,
    "sts:AssumeRole.ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter"}],
    "sts:AssumeRole.SerialNumber": "arn:aws:iam::111122223333:mfa/ada",
    "sts:AssumeRole.TokenCode": "123456",
    # Of OAuth 2.0 providers that issue access tokens.
    "sts:AssumeRoleWithWebIdentity.ProviderId": "www.amazon.com",
    "sts:GetSessionToken.SerialNumber": "arn:aws:iam::111122223333:mfa/ada",
    "sts:GetSessionToken.TokenCode": "123456",
    "ecr:CreateRepository.encryptionConfiguration": {"encryptionType": "KMS"},
}

# What changes nothing that a client could see, and why.
IGNORED: dict[str, str] = {
    **{
        f"ecr:{operation}.{member}": "the list is always empty"
        for operation, members in {
            "DescribePullThroughCacheRules": ("ecrRepositoryPrefixes", "nextToken", "maxResults"),
            "DescribeRepositoryCreationTemplates": ("prefixes", "nextToken", "maxResults"),
            "ListPullTimeUpdateExclusions": ("nextToken", "maxResults"),
        }.items()
        for member in members
    },
    "ecr-public:DeleteRepository.force": "images come by push alone",
    "ecr-public:DescribeRegistries.maxResults": "an account has one registry",
    "ecr-public:DescribeRegistries.nextToken": "an account has one registry",
    "ecr:GetAuthorizationToken.registryIds": "deprecated: a token opens every registry that its principal may use",
}
