"""Functions that a module has, but imports only when they are first asked for (PEP 562).

Relaying needs little of an adapter. The rest is two megabytes of code, which a daemon that only relays never loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any


class Late:
    """A module's `__getattr__`. `homes` maps each name to where it stands, as `module.name` below this folder."""

    def __init__(self, module: dict[str, Any], homes: Mapping[str, str]) -> None:
        self._module = module
        self._homes = homes

    def __call__(self, name: str) -> Any:
        home = self._homes.get(name)
        if home is None:
            raise AttributeError(f"module {self._module['__name__']!r} has no attribute {name!r}")
        place, _, attribute = home.rpartition(".")
        value = self._module[name] = getattr(import_module(f"routerd.adapters.{place}"), attribute)
        return value

    def load(self) -> None:
        """Import them all now."""
        for name in self._homes:
            self(name)
