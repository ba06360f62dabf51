"""boto3's clients for the simulated AWS, whose every answer is checked before boto3 reads it."""

from __future__ import annotations

from typing import Any

import boto3
from botocore import xform_name
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from .answer import Answer
from .members import REFUSED
from .place import Keys, Place
from .record import Record, name_of

REGION = "us-east-1"


class NotThere(Exception):
    """The simulator does not have what a story wants, and says so."""


class Aws:
    """The simulated AWS as a story sees it."""

    def __init__(self, place: Place, record: Record) -> None:
        self.place = place
        self.record = record
        self.account, self.other = sorted(place.roots)
        self._session = boto3.session.Session()
        self._clients: dict[tuple[str, Keys, bool], BaseClient] = {}

    def client(self, service: str, keys: Keys | None = None, *, validates: bool = True) -> BaseClient:
        """A client of boto3; of the account's root where no keys are given."""
        keys = keys or self.place.roots[self.account]
        if (service, keys, validates) not in self._clients:
            self._clients[service, keys, validates] = self._client(service, keys, validates)
        return self._clients[service, keys, validates]

    def careless_client(self, service: str, keys: Keys | None = None) -> BaseClient:
        """A client that sends whatever it is given."""
        return self.client(service, keys, validates=False)

    def once_more(self, name: str, sent: dict[str, Any], keys: Keys | None = None) -> None:
        """Calls what has succeeded (`iam:CreateUser`) with another input; by the same caller where none is given."""
        service, operation = name.split(":")
        client = self.careless_client(service, keys or self.record.successes[name].keys)
        getattr(client, xform_name(operation))(**sent)

    def successes(self, service: str) -> list[tuple[str, dict[str, Any]]]:
        """What has succeeded of a service, in the order of names."""
        return sorted(
            (name, success.sent)
            for name, success in self.record.successes.items()
            if name.split(":")[0] == service
        )

    def shown(self, member: str, condition: bool) -> None:
        """Says that an answer tells that a member (`iam:CreateUser.Path`) was acted on."""
        operation, name = member.split(".")
        assert condition, f"{member} was not acted on"
        assert name in self.record.sent[operation], f"{member} was not sent"
        self.record.shown.add(member)

    def refused(self, code: str, client: BaseClient, method: str, **sent: Any) -> str:
        """A call that has to fail with a code: its message."""
        try:
            getattr(client, method)(**sent)
        except ClientError as error:
            refusal = error.response["Error"]
            assert refusal["Code"] == code, f"{method}: {error}, not {code}"
            return refusal["Message"]
        raise AssertionError(f"{method} was not refused with {code}: {sent}")

    def pages(self, client: BaseClient, method: str, result: str, **sent: Any) -> list[Any]:
        """The whole of a list, which must have two elements at least; read once as a whole and once in pages of one."""
        whole = getattr(client, method)(**sent)[result]
        assert len(whole) >= 2, f"{method} has no two {result}: {whole}"
        paginator = client.get_paginator(method)
        pages = list(paginator.paginate(**sent, PaginationConfig={"PageSize": 1}))
        assert [len(page[result]) for page in pages] == [1] * len(whole), f"{method}: pages {pages}"
        one_by_one = [page[result][0] for page in pages]
        assert one_by_one == whole, f"{method}: {one_by_one} is not {whole}"
        config = paginator._pagination_cfg
        operation = name_of(client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]))
        self.shown(f"{operation}.{config['input_token']}", True)
        self.shown(f"{operation}.{config['limit_key']}", True)
        return whole

    def _client(self, service: str, keys: Keys, validates: bool) -> BaseClient:
        client = self._session.client(
            service,
            region_name=REGION,
            endpoint_url=self.place.endpoint,
            aws_access_key_id=keys.id,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=validates, read_timeout=10),
        )
        sent: dict[str, Any] = {}

        def note_input(params: dict[str, Any], **_: Any) -> None:
            sent.clear()
            sent.update(params)

        def check(operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
            self._check(operation_model, keys, dict(sent), response_dict)

        client.meta.events.register_first("provide-client-params", note_input)
        client.meta.events.register("before-parse", check)
        return client

    def _check(self, operation: OperationModel, keys: Keys, sent: dict[str, Any], response: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in response["headers"].items()}
        answer = Answer(response["status_code"], headers, response["body"])
        self.record.called(operation, keys, sent, answer)
        refusal = answer.refusal(operation)
        if refusal is not None and refusal.is_for_an_unknown_operation():
            raise NotThere(name_of(operation))
        if refusal is not None and refusal.says_not_simulated():
            members = {f"{name_of(operation)}.{name}" for name in sent}
            if not members.isdisjoint(REFUSED):
                raise NotThere(", ".join(members & REFUSED.keys()))
