"""The variables that `env:NAME` means: those of the process, and behind them the `.env` file beside the config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from routerd.settings import SettingsError, parse_env


@dataclass(frozen=True, slots=True)
class EnvFile:
    """A `.env` file. `given` names what the process has from it since its start, which is not the process's own."""

    path: Path
    given: frozenset[str] = frozenset()

    def behind(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What the process has of its own, and else what the file says now. Blocks. Raises SettingsError."""
        own = {name: value for name, value in environ.items() if name not in self.given}
        return {**read_env(self.path), **own}


def read_env(path: Path) -> dict[str, str]:
    """The variables of a `.env` file, none where there is no file. Blocks. Raises SettingsError, without any value."""
    try:
        found = parse_env(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8: save it as such") from None
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}") from None
    found.pop("ROUTERD_CONFIG", None)  # which file is beside it has been decided
    return found
