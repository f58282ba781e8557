"""What verbs do with router.yaml where no router runs."""

from __future__ import annotations

import os

from routerd import sealing
from routerd.cli.reading import cure_of
from routerd.cli.trouble import Trouble
from routerd.loading import Loaded, Rejected, load, read_file
from routerd.settings import Settings


def load_file(settings: Settings) -> Loaded:
    """router.yaml as it is. Raises Trouble."""
    try:
        found = read_file(settings.config)
        return load(found.text, found.digest, 1, settings.folder, sources_of(settings))
    except Rejected as rejected:
        raise unservable(settings, rejected) from None


def sources_of(settings: Settings) -> sealing.Sources:
    """Where identities may be."""
    return sealing.sources(settings, os.environ)


def unservable(settings: Settings, rejected: Rejected) -> Trouble:
    """A text that can't serve, with all its problems."""
    lines = [f"{settings.config.name}:{problem}" for problem in rejected.problems]
    message = "\n".join([rejected.reason or f"{settings.config} has problems", *lines])
    return Trouble(message, cure_of(rejected.trouble))
