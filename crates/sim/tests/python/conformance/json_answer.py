"""Answers of the protocol JSON 1.1 (ECR, ECR Public), read strictly."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import OperationModel, Shape

from .values import length_findings, number_findings, text_findings

CONTENT_TYPE = "application/x-amz-json-1.1"

_NUMBERS = {"integer": int, "long": int, "float": (int, float), "double": (int, float)}


def success(operation: OperationModel, body: bytes, _headers: Mapping[str, str]) -> Iterator[str]:
    document = json.loads(body, object_pairs_hook=_object)
    if operation.output_shape is None:
        if document != {}:
            yield f"an operation without output answers {document}"
        return
    yield from _value(operation.output_shape, document, operation.name)


def error(body: bytes) -> tuple[str, str]:
    """Code and message; empty where the body is none of the protocol."""
    try:
        document = json.loads(body)
    except ValueError:
        return "", body.decode(errors="replace")
    return document.get("__type", ""), document.get("message", "")


def envelope(operation: OperationModel, body: bytes, _headers: Mapping[str, str]) -> Iterator[str]:
    document = json.loads(body, object_pairs_hook=_object)
    code = document.pop("__type", None)
    if not isinstance(code, str):
        yield "an error has no __type"
    if not isinstance(document.get("message"), str) or not document["message"].strip():
        yield "an error has no message"
    shapes = [shape for shape in operation.error_shapes if shape.name == code]
    if shapes:
        yield from _value(shapes[0], document, str(code))
    elif set(document) != {"message"}:
        yield f"error {code} has the members {sorted(document)}"


def _value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            yield from _structure(shape, value, path)
        case "list":
            yield from _list(shape, value, path)
        case "map":
            yield from _map(shape, value, path)
        case "string":
            if isinstance(value, str):
                yield from text_findings(shape, value, path)
            else:
                yield f"{path}: {value!r} is no text"
        case "boolean":
            if not isinstance(value, bool):
                yield f"{path}: {value!r} is no boolean"
        case "timestamp":
            # Seconds since 1970, with thousandths where they matter.
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1e9 < value < 1e10:
                yield f"{path}: {value!r} is no time"
        case "blob":
            yield from _blob(value, path)
        case number if number in _NUMBERS:
            if isinstance(value, bool) or not isinstance(value, _NUMBERS[number]):
                yield f"{path}: {value!r} is no number"
            else:
                yield from number_findings(shape, value, path)
        case other:
            yield f"{path}: this check knows no {other}"


def _structure(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no structure"
        return
    for name, child in value.items():
        if name not in shape.members:
            yield f"{path}.{name}: no such member in the model"
        elif child is None:
            yield f"{path}.{name}: null, where AWS leaves a member out"
        else:
            yield from _value(shape.members[name], child, f"{path}.{name}")
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name}: required, and missing"


def _list(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    yield from length_findings(shape, len(value), path)
    for number, child in enumerate(value, 1):
        yield from _value(shape.member, child, f"{path}.{number}")


def _map(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no map"
        return
    for key, child in value.items():
        yield from _value(shape.key, key, f"{path}.key")
        yield from _value(shape.value, child, f"{path}.{key}")


def _blob(value: Any, path: str) -> Iterator[str]:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, binascii.Error):
        yield f"{path}: {value!r} is not base64"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a member twice in {names}")
    return dict(pairs)
