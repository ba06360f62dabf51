"""What came over the wire, and what of it is not as the service model has it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from botocore.model import OperationModel, Shape

from . import json_answer, query_answer
from .common_errors import COMMON, UNDECLARED


# How the simulator begins to say that it does not have something.
NOT_SIMULATED = "This simulated AWS has no "

# What AWS answers although its models say otherwise.
_AWS_ITSELF = re.compile(
    # Lists of what was done are empty where nothing was, and what was wrong with a request is repeated as it came.
    r"BatchDeleteImage\.imageIds: length 0 "
    r"|Batch(Delete|Get)Image\.failures\."
    # The id of a root user is its account's number.
    r"|GetUser\.User\.UserId: length 12 "
    # "This data type can only have a value of Policy" (IAM API reference, AttachedPermissionsBoundary).
    r"|\S+\.PermissionsBoundary\.PermissionsBoundaryType: 'Policy' is none of \['PermissionsBoundaryPolicy'\]"
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def refusal(self, operation: OperationModel) -> Refusal | None:
        """The error that it is; none where it is a success."""
        if self.status < 300:
            return None
        protocol = query_answer if is_query(operation) else json_answer
        code, message = protocol.error(self.body)
        return Refusal(self.status, code, message)


@dataclass(frozen=True)
class Refusal:
    status: int
    code: str
    message: str

    def is_for_an_unknown_operation(self) -> bool:
        # 421: no service of this AWS answers to such a signature.
        return (
            self.status == 421
            or self.code in ("InvalidAction", "UnknownOperationException")
            or self.message.startswith("This simulated AWS does not have the ")
        )

    def says_not_simulated(self) -> bool:
        return self.message.startswith(NOT_SIMULATED)


def is_query(operation: OperationModel) -> bool:
    return operation.service_model.protocol == "query"


def findings(operation: OperationModel, answer: Answer) -> Iterator[str]:
    """Everything of an answer that is not as the model says."""
    protocol = query_answer if is_query(operation) else json_answer
    content_type = answer.headers.get("content-type", "")
    if content_type != protocol.CONTENT_TYPE:
        yield f"content type {content_type!r}"
    if not answer.headers.get("x-amzn-requestid"):
        yield "no header x-amzn-requestid"
    if answer.status >= 500:
        yield f"status {answer.status}: {answer.body[:200]!r}"
        return
    try:
        if answer.status < 300:
            found = protocol.success(operation, answer.body, answer.headers)
            yield from (finding for finding in found if not _AWS_ITSELF.match(finding))
        else:
            yield from protocol.envelope(operation, answer.body, answer.headers)
            yield from _undeclared(operation, answer)
    except (ValueError, json.JSONDecodeError) as error:
        yield f"unreadable: {error}: {answer.body[:200]!r}"


def error_shape(operation: OperationModel, code: str) -> Shape | None:
    """The shape of an error that the operation declares."""
    for shape in operation.error_shapes:
        if shape.metadata.get("error", {}).get("code", shape.name) == code:
            return shape
    return None


def _undeclared(operation: OperationModel, answer: Answer) -> Iterator[str]:
    refusal = answer.refusal(operation)
    assert refusal is not None
    shape = error_shape(operation, refusal.code)
    if shape is None:
        if (operation.name, refusal.code) in UNDECLARED:
            return
        if refusal.code not in COMMON[operation.service_model.protocol]:
            yield f"error {refusal.code} is not declared: {refusal.message}"
            return
        status = COMMON[operation.service_model.protocol][refusal.code]
    elif is_query(operation):
        status = shape.metadata.get("error", {}).get("httpStatusCode", 400)
    else:
        # JSON 1.1: every error of a client has one status.
        status = 400
    if refusal.status != status:
        yield f"error {refusal.code} has status {refusal.status}, not {status}"
