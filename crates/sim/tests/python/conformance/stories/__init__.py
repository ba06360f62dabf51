"""Stories: calls as users of a service make them, together every operation and every member that the simulator has."""

from __future__ import annotations

from collections.abc import Callable

from ..aws import Aws

Story = Callable[[Aws], None]
