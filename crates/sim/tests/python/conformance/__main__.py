"""`python -m conformance SERVICE`: reads from standard input where the simulated AWS is, and prints what is wrong with it.

`SERVICE` is what boto3 calls it.
"""

from __future__ import annotations

import sys
import time
import traceback

from .aws import Aws, NotThere
from .constraints import break_constraints
from .coverage import find_gaps
from .place import Place
from .record import Record
from .refusals import refuse_members
from .registries import ask_elsewhere
from .replays import replay
from .stories import Story, ecr, ecr_public, iam, sts

SERVICES = {"sts": sts, "iam": iam, "ecr": ecr, "ecr-public": ecr_public}


def main() -> int:
    service = sys.argv[1]
    stories = SERVICES[service]
    record = Record()
    aws = Aws(Place.read(sys.stdin), record)
    started = time.monotonic()
    for story in stories.STORIES:
        tell(story, aws)
    client = aws.careless_client(service)
    for step in (refuse_members, break_constraints, ask_elsewhere, replay):
        step(aws, client)
    find_gaps(aws, client)
    for finding in record.findings:
        print(finding)
    seconds = time.monotonic() - started
    print(f"{record.calls} calls, {seconds:.1f} s, {len(record.findings)} findings", file=sys.stderr)
    return 1 if record.findings else 0


def tell(story: Story, aws: Aws) -> None:
    try:
        story(aws)
    except NotThere:
        # What is missing stands in the record, or is to be refused: both are looked at afterwards.
        pass
    except Exception as error:  # noqa: BLE001: every story is told, whatever became of the others
        frames = traceback.extract_tb(error.__traceback__)
        line = next(frame for frame in frames if frame.name == story.__name__)
        where = f"story `{story.__name__}`, line {line.lineno} (`{line.line}`)"
        aws.record.find(f"{where}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
