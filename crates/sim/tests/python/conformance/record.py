"""What was called, with what, and how it was answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from botocore.model import OperationModel

from .answer import Answer, findings
from .place import Keys


def name_of(operation: OperationModel) -> str:
    """`iam:CreateUser`"""
    return f"{operation.service_model.signing_name}:{operation.name}"


@dataclass(frozen=True)
class Success:
    """A call that succeeded, and whose."""

    keys: Keys
    sent: dict[str, Any]


@dataclass
class Record:
    # By operation: of the calls that succeeded, the one that tells most.
    successes: dict[str, Success] = field(default_factory=dict)
    # By operation: the members with which it has succeeded.
    sent: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Members (`iam:CreateUser.Path`) that were shown to be acted on.
    shown: set[str] = field(default_factory=set)
    # By operation: the codes with which it was refused.
    refusals: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    findings: list[str] = field(default_factory=list)
    # Operations that a story has called and the simulator does not have.
    missing: set[str] = field(default_factory=set)
    calls: int = 0

    def called(self, operation: OperationModel, keys: Keys, sent: dict[str, Any], answer: Answer) -> None:
        """Takes down a call, and what of its answer is not as the model says."""
        self.calls += 1
        name = name_of(operation)
        refusal = answer.refusal(operation)
        if refusal is not None and refusal.is_for_an_unknown_operation():
            self.missing.add(name)
            return
        for finding in findings(operation, answer):
            self.find(f"{name}: {finding}")
        if refusal is not None:
            self.refusals[name].add(refusal.code)
        else:
            self.sent[name] |= set(sent)
            known = self.successes.get(name)
            if known is None or _telling(sent) >= _telling(known.sent):
                self.successes[name] = Success(keys, sent)

    def find(self, finding: str) -> None:
        if finding not in self.findings:
            self.findings.append(finding)

    def find_all(self, findings: Iterable[str]) -> None:
        for finding in findings:
            self.find(finding)


def _telling(sent: dict[str, Any]) -> tuple[bool, int]:
    """How much a call tells of its operation: much with many members, little where it reads on in a list."""
    return not _PAGING & set(sent), len(sent)


_PAGING = {"Marker", "MaxItems", "nextToken", "maxResults"}
