"""Answers of the Query protocol (IAM, STS), read strictly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from botocore.model import OperationModel, Shape

from .values import length_findings, number_findings, text_findings

CONTENT_TYPE = "text/xml"

# IAM hands out policies percent-encoded (RFC 3986): "policies returned by this operation are URL-encoded".
_ENCODED_POLICY = re.compile(r"(?:[A-Za-z0-9._~!*'()-]|%[0-9A-F]{2})+")
_POLICY_SHAPES = ("policyDocumentType",)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
_NUMBER = re.compile(r"-?\d+")


def success(operation: OperationModel, body: bytes, headers: Mapping[str, str]) -> Iterator[str]:
    namespace = operation.service_model.metadata["xmlNamespace"]
    root = ElementTree.fromstring(body)
    if root.tag != f"{{{namespace}}}{operation.name}Response":
        yield f"the document is a {root.tag}"
    names = [_local(child, namespace) for child in root]
    output = operation.output_shape
    expected = ["ResponseMetadata"]
    if output is not None:
        expected = [output.serialization["resultWrapper"], *expected]
    if names != expected:
        yield f"below the root are {names}, not {expected}"
        return
    if output is not None:
        yield from _structure(output, root[0], namespace, operation.name)
    yield from _request_id(root[-1].find(f"{{{namespace}}}RequestId"), headers)
    if len(root[-1]) != 1:
        yield "ResponseMetadata holds more than RequestId"


def error(body: bytes) -> tuple[str, str]:
    """Code and message; empty where the body is none of the protocol."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return "", body.decode(errors="replace")
    return root.findtext("{*}Error/{*}Code", ""), root.findtext("{*}Error/{*}Message", "")


def envelope(operation: OperationModel, body: bytes, headers: Mapping[str, str]) -> Iterator[str]:
    namespace = operation.service_model.metadata["xmlNamespace"]
    root = ElementTree.fromstring(body)
    names = [_local(child, namespace) for child in root]
    if _local(root, namespace) != "ErrorResponse" or names != ["Error", "RequestId"]:
        yield f"an error is a {root.tag} of {names}"
        return
    names = [_local(child, namespace) for child in root[0]]
    if names != ["Type", "Code", "Message"]:
        yield f"an error consists of {names}"
    if root[0].findtext(f"{{{namespace}}}Type") != "Sender":
        yield "an error of the client is not one of the sender"
    if not (root[0].findtext(f"{{{namespace}}}Message") or "").strip():
        yield "an error has no message"
    yield from _request_id(root[1], headers)


def _request_id(element: Element | None, headers: Mapping[str, str]) -> Iterator[str]:
    if element is None or element.text != headers.get("x-amzn-requestid"):
        yield "the RequestId is not that of the header"


def _value(shape: Shape, element: Element, namespace: str, path: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            yield from _structure(shape, element, namespace, path)
            return
        case "list":
            yield from _list(shape, element, namespace, path)
            return
        case "map":
            yield from _map(shape, element, namespace, path)
            return
    if len(element):
        yield f"{path}: elements in place of a {shape.type_name}"
        return
    yield from _scalar(shape, element.text or "", path)


def _structure(shape: Shape, element: Element, namespace: str, path: str) -> Iterator[str]:
    if (element.text or "").strip():
        yield f"{path}: text in place of a structure: {element.text!r}"
    by_name = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    seen: set[str] = set()
    for child in element:
        name = _local(child, namespace)
        if name in seen:
            yield f"{path}.{name}: twice"
        seen.add(name)
        if name not in by_name:
            yield f"{path}.{name}: no such member in the model"
            continue
        yield from _value(by_name[name], child, namespace, f"{path}.{name}")
    for name in shape.required_members:
        if shape.members[name].serialization.get("name", name) not in seen:
            yield f"{path}.{name}: required, and missing"


def _list(shape: Shape, element: Element, namespace: str, path: str) -> Iterator[str]:
    if (element.text or "").strip():
        yield f"{path}: text in place of a list: {element.text!r}"
    name = shape.member.serialization.get("name", "member")
    yield from length_findings(shape, len(element), path)
    for number, child in enumerate(element, 1):
        if _local(child, namespace) != name:
            yield f"{path}.{number}: is a {child.tag}, not a {name}"
            continue
        yield from _value(shape.member, child, namespace, f"{path}.{number}")


def _map(shape: Shape, element: Element, namespace: str, path: str) -> Iterator[str]:
    for child in element:
        if _local(child, namespace) != "entry" or [_local(part, namespace) for part in child] != ["key", "value"]:
            yield f"{path}: an entry of a map is `entry` with `key` and `value`"
            continue
        yield from _value(shape.key, child[0], namespace, f"{path}.key")
        yield from _value(shape.value, child[1], namespace, f"{path}.{child[0].text}")


def _scalar(shape: Shape, text: str, path: str) -> Iterator[str]:
    match shape.type_name:
        case "string":
            if shape.name in _POLICY_SHAPES:
                yield from _policy(text, path)
            else:
                yield from text_findings(shape, text, path)
        case "timestamp":
            if not _TIME.fullmatch(text):
                yield f"{path}: {text!r} is no time"
        case "boolean":
            if text not in ("true", "false"):
                yield f"{path}: {text!r} is no boolean"
        case "integer" | "long":
            if not _NUMBER.fullmatch(text):
                yield f"{path}: {text!r} is no number"
            else:
                yield from number_findings(shape, int(text), path)
        case "blob":
            pass
        case other:
            yield f"{path}: this check knows no {other}"


def _policy(text: str, path: str) -> Iterator[str]:
    if not _ENCODED_POLICY.fullmatch(text):
        yield f"{path}: a policy that is not percent-encoded: {text[:60]!r}"
        return
    try:
        json.loads(unquote(text))
    except json.JSONDecodeError as error:
        yield f"{path}: not a policy: {error}"


def _local(element: Element, namespace: str) -> str:
    """The name without the service's namespace; with it, where it is another one."""
    return element.tag.removeprefix(f"{{{namespace}}}")
