"""The errors that every operation can have, with their HTTP status: they stand in no service model.

From the pages "Common Errors" of the API references of IAM, STS and ECR.
"""

COMMON = {
    "query": {
        "AccessDenied": 403,
        "ExpiredToken": 403,
        "IncompleteSignature": 400,
        "InvalidAction": 400,
        "InvalidClientTokenId": 403,
        "MalformedInput": 400,
        "MissingAction": 400,
        "MissingAuthenticationToken": 403,
        "RequestEntityTooLarge": 413,
        "SignatureDoesNotMatch": 403,
        "Throttling": 400,
        "ValidationError": 400,
    },
    "json": {
        "AccessDeniedException": 400,
        "ExpiredTokenException": 400,
        "IncompleteSignatureException": 400,
        "InvalidSignatureException": 400,
        "MissingAuthenticationTokenException": 400,
        "SerializationException": 400,
        "ThrottlingException": 400,
        "UnknownOperationException": 400,
        "UnrecognizedClientException": 400,
    },
}

# Errors that AWS has and its models do not declare.
UNDECLARED = {
    # "The specified transitive tag key must be included in the requested tags."
    ("AssumeRole", "InvalidParameterValue"),
}
