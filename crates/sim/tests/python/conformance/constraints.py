"""Breaks every constraint that the models state of an input, one at a time."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.model import Shape, StructureShape

from . import members
from .answer import NOT_SIMULATED
from .aws import Aws, NotThere
from .values import pattern

# What breaks most patterns.
_STRANGE = ("☃", "\u0007", " ", "!", "a b", "//", "*", "_", "A", "a")
# Beyond this a request is too long as a whole.
_LONGEST = 140_000
_MANY = 2_000

# Rules that say what a value is at all.
TYPE = "type"
NUMBER = "number"
_MISREAD = {"MalformedInput", "SerializationException"}

# Where AWS says it otherwise: by member and rule, the code and the words.
_ROLE_ARN = ("ValidationError", r".* is invalid")
_TAG = ("InvalidParameterException", r"Invalid request parameters: image tag should satisfy the regex .*")
_POLICY_ARN = ("ValidationError", r"The managed policy .* is not one of the role's account or of AWS\.")
OTHER_WORDS = {
    ("sts:AssumeRole.policyArns.1.member.arn", "pattern"): _POLICY_ARN,
    ("sts:AssumeRoleWithWebIdentity.policyArns.1.member.arn", "pattern"): _POLICY_ARN,
    ("ecr:DescribeImages.imageIds.1.member.imageTag", "min"): _TAG,
    ("ecr:DescribeImages.imageIds.1.member.imageTag", "max"): _TAG,
    ("sts:AssumeRole.roleArn", "pattern"): _ROLE_ARN,
    ("sts:AssumeRoleWithWebIdentity.roleArn", "pattern"): _ROLE_ARN,
}

# What is wrong with one of many is told in the answer's `failures` (ECR API reference, ImageFailure: InvalidImageTag).
REPORTED = {
    ("ecr:BatchDeleteImage", "imageIds.1.member.imageTag"),
    ("ecr:BatchGetImage", "imageIds.1.member.imageTag"),
    ("ecr-public:BatchDeleteImage", "imageIds.1.member.imageTag"),
}

_CODES = {
    "query": {"ValidationError"},
    "json": {"InvalidParameterException", "ValidationException", "InvalidTagParameterException"},
}


@dataclass(frozen=True)
class Breach:
    # As messages name the member: `tags.1.member.key`.
    path: str
    rule: str
    sent: dict[str, Any]


def break_constraints(aws: Aws, client: BaseClient) -> None:
    """Every breach of the input of every operation that has succeeded has to be refused in AWS's words."""
    model = client.meta.service_model
    for name, sent in aws.successes(model.service_name):
        shape = model.operation_model(name.split(":")[1]).input_shape
        for breach in breaches(shape, sent, name) if shape else ():
            finding = _verdict(aws, name, breach, _CODES[model.protocol])
            if finding:
                aws.record.find(f"{name}: {breach.path} breaks {breach.rule}: {finding}")


def _verdict(aws: Aws, name: str, breach: Breach, codes: set[str]) -> str | None:
    try:
        aws.once_more(name, breach.sent)
    except NotThere:
        return None
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if message.startswith(NOT_SIMULATED):
            return None
        other_code, words = OTHER_WORDS.get((f"{name}.{breach.path}", breach.rule), (None, ""))
        if code == other_code and re.fullmatch(words, message, re.DOTALL):
            return None
        if breach.rule in (TYPE, NUMBER) and code in _MISREAD:
            return None
        if code not in codes:
            return f"{code}: {message[:300]}"
        if _named(breach.path) not in message.lower():
            return f"the message does not name the member: {message[:300]}"
        return None
    return None if (name, breach.path) in REPORTED else "it was accepted"


def _named(path: str) -> str:
    """What of a path has to stand in a message. For an element of a list this is the list, or what it is a list of: ECR
    says `repositoryName` of an element of `repositoryNames`."""
    parts = path.lower().split(".")
    return parts[-2].removesuffix("s") if parts[-1].isdigit() else parts[-1]


def breaches(shape: StructureShape, sent: dict[str, Any], operation: str) -> Iterator[Breach]:
    for name, member in shape.members.items():
        if f"{operation}.{name}" in members.REFUSED:
            continue
        for path, rule, value in _spoilt(member, sent.get(name), _camel(name)):
            # In a form everything is text.
            if rule != TYPE or operation.startswith("ecr"):
                yield Breach(path, rule, {**sent, name: value})
    for name in shape.required_members:
        if name in shape.metadata.get("idempotencyToken", ()):
            continue
        yield Breach(_camel(name), "required", {key: value for key, value in sent.items() if key != name})


def _spoilt(shape: Shape, value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Values of a shape that break one constraint each."""
    match shape.type_name:
        case "string":
            yield path, TYPE, 7
            yield from ((path, rule, text) for rule, text in _spoilt_texts(shape))
        case "boolean":
            yield path, TYPE, "maybe"
        case "integer" | "long":
            yield path, NUMBER, "many"
            low, high = shape.metadata.get("min"), shape.metadata.get("max")
            if low is not None:
                yield path, "min", low - 1
            if high is not None:
                yield path, "max", high + 1
        case "list":
            yield from _spoilt_lists(shape, value, path)
        case "structure":
            yield from _spoilt_structures(shape, value, path)


def _spoilt_texts(shape: Shape) -> Iterator[tuple[str, str]]:
    if shape.enum:
        yield "enum", "NoSuchValue"
        return
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", _LONGEST + 1)
    allowed = pattern(shape)
    if low > 0:
        yield "min", "a" * (low - 1)
    if high <= _LONGEST:
        yield "max", "a" * (high + 1)
    if allowed is None:
        return
    for strange in _STRANGE:
        text = strange * max(low, 1) if len(strange) * max(low, 1) <= high else strange
        if low <= len(text) <= high and not allowed.fullmatch(text):
            yield "pattern", text
            return


def _spoilt_lists(shape: Shape, value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    element = value[0] if value else plausible(shape.member)
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", _MANY)
    if low > 0:
        yield path, "min", []
    if high < _MANY:
        yield path, "max", [copy.deepcopy(element) for _ in range(high + 1)]
    step = "1.member" if shape.member.type_name == "structure" else "1"
    for inner, rule, spoilt in _spoilt(shape.member, element, f"{path}.{step}"):
        yield inner, rule, [spoilt]


def _spoilt_structures(shape: Shape, value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    value = value or plausible(shape)
    for name, member in shape.members.items():
        for inner, rule, spoilt in _spoilt(member, value.get(name), f"{path}.{_camel(name)}"):
            yield inner, rule, {**value, name: spoilt}
    for name in shape.required_members:
        yield f"{path}.{_camel(name)}", "required", {key: inner for key, inner in value.items() if key != name}


def plausible(shape: Shape) -> Any:
    """A value that breaks no constraint."""
    match shape.type_name:
        case "structure":
            names = shape.required_members or shape.members
            return {name: plausible(shape.members[name]) for name in names}
        case "list":
            return [plausible(shape.member)]
        case "map":
            return {}
        case "integer" | "long":
            return shape.metadata.get("min", 1)
        case "boolean":
            return True
        case "string" if shape.enum:
            return shape.enum[0]
        case "string":
            return "a" * max(shape.metadata.get("min", 1), 1)
        case other:
            raise AssertionError(f"no value of a {other} is known")


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]
