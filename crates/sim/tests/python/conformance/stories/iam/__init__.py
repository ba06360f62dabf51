"""Identity and Access Management."""

from __future__ import annotations

from .. import Story
from . import attachments, keys, policies, profiles, providers, roles, simulation, users

STORIES: list[Story] = [
    *users.STORIES,
    *keys.STORIES,
    *roles.STORIES,
    *policies.STORIES,
    *attachments.STORIES,
    *profiles.STORIES,
    *providers.STORIES,
    *simulation.STORIES,
]
