"""What a value may be by its shape: lengths, bounds, patterns, enumerations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from botocore.model import Shape


def pattern(shape: Shape) -> re.Pattern[str] | None:
    """The pattern of a shape in Python's language; none where there is none."""
    text = shape.metadata.get("pattern")
    if text is None:
        return None
    # Java's classes of Unicode: letters, digits, spaces, marks, signs.
    text = re.sub(r"\\p\{[A-Z]\}", r"\\w\\s", text)
    # Java writes a character beyond 16 bits as five digits behind \u.
    text = re.sub(r"\\u(10000-\\u10FFFF)", r"\\U00010000-\\U0010FFFF", text)
    return re.compile(text, re.ASCII if r"\w" in shape.metadata["pattern"] else 0)


def text_findings(shape: Shape, text: str, path: str) -> Iterator[str]:
    if shape.enum and text not in shape.enum:
        yield f"{path}: {text!r} is none of {shape.enum}"
    yield from length_findings(shape, len(text), path)
    allowed = pattern(shape)
    if allowed is not None and not allowed.fullmatch(text):
        yield f"{path}: {text!r} does not match {shape.metadata['pattern']}"


def length_findings(shape: Shape, length: int, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and length < low:
        yield f"{path}: length {length} is below {low}"
    if high is not None and length > high:
        yield f"{path}: length {length} is above {high}"


def number_findings(shape: Shape, number: float, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and number < low:
        yield f"{path}: {number} is below {low}"
    if high is not None and number > high:
        yield f"{path}: {number} is above {high}"
