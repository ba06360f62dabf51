"""The API of the Elastic Container Registry."""

from __future__ import annotations

from .. import Story
from . import images, layers, registry, repositories, settings

STORIES: list[Story] = [
    *repositories.STORIES,
    *settings.STORIES,
    *layers.STORIES,
    *images.STORIES,
    *registry.STORIES,
]
