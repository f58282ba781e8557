"""What can't be changed while routerd runs: paths, the address, the identity, the admin token.

A flag goes before an environment variable, that before the default. Pure: whoever starts the program gives the flags,
the environment, and the text of the `.env` file beside the config.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

OnBootError = Literal["last-good", "refuse"]

_Value = TypeVar("_Value")
_Default = TypeVar("_Default")
_PREFIX = "ROUTERD_"

# The variables of the system before this one, and what does their work now.
_SUCCESSORS = {
    "BACKEND_DATABASE_URL": "ROUTERD_DATABASE, the path of a file",
    "BACKEND_API_KEY_SECRET": "keys sealed with age: ROUTERD_IDENTITY_FILE",
    "BACKEND_BACKUP_FILE": "ROUTERD_BACKUP_FILE",
    "BACKEND_REQUEST_TIMEOUT_SECONDS": "ROUTERD_REQUEST_TIMEOUT_SECONDS",
}


class SettingsError(Exception):
    """A setting can't be used. One line: which, and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, paths as they were given or below the config's folder. `warnings` are to be shown once."""

    config: Path
    host: str
    port: int
    data_dir: Path
    database: Path
    backup_file: Path
    identity_file: Path | None
    identity: str | None = field(repr=False)
    admin_token: str | None = field(repr=False)
    request_timeout: float  # seconds
    on_boot_error: OnBootError
    tls_cert: Path | None
    tls_key: Path | None
    config_is_default: bool  # nobody named a file
    warnings: tuple[str, ...] = ()
    given_by_env: frozenset[str] = frozenset()  # variables that the process has from the `.env` file

    @property
    def folder(self) -> Path:
        """Where the config is, and what is beside it."""
        return self.config.parent


@dataclass(frozen=True, slots=True)
class Source:
    """A setting's flag and variable; either may be missing."""

    flag: str | None
    variable: str | None

    def __str__(self) -> str:
        option = f"--{self.flag.replace('_', '-')}" if self.flag else None
        return " or ".join(name for name in (option, self.variable) if name)


SOURCES: Mapping[str, Source] = {
    "config": Source("config", "ROUTERD_CONFIG"),
    "host": Source("host", "ROUTERD_HOST"),
    "port": Source("port", "ROUTERD_PORT"),
    "data_dir": Source("data_dir", "ROUTERD_DATA_DIR"),
    "database": Source("database", "ROUTERD_DATABASE"),
    "backup_file": Source("backup_file", "ROUTERD_BACKUP_FILE"),
    "identity_file": Source("identity", "ROUTERD_IDENTITY_FILE"),
    "identity": Source(None, "ROUTERD_IDENTITY"),
    "admin_token": Source(None, "ROUTERD_ADMIN_TOKEN"),
    "request_timeout": Source("request_timeout", "ROUTERD_REQUEST_TIMEOUT_SECONDS"),
    "on_boot_error": Source("on_boot_error", "ROUTERD_ON_BOOT_ERROR"),
    "tls_cert": Source("tls_cert", "ROUTERD_TLS_CERT"),
    "tls_key": Source("tls_key", "ROUTERD_TLS_KEY"),
}
"""Every setting, by its field. `identity_file` is the flag `--identity`."""

_ON_BOOT_ERROR: Mapping[str, OnBootError] = {"last-good": "last-good", "refuse": "refuse"}
_NEVER_EMPTY = frozenset({"admin_token", "identity"})
_LOOPBACK = "127.0.0.1"


def config_path(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Path:
    """The config's path, which is needed before anything else: its `.env` may set the rest."""
    return Path(_raw("config", flags, environ) or "router.yaml")


def load(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """All settings; `flags` by field of `SOURCES`' flags, None for those not given. Raises SettingsError."""

    def take(name: str, read: Callable[[str, str], _Value], default: _Default) -> _Value | _Default:
        raw = _raw(name, flags, environ)
        return default if raw is None else read(raw, str(SOURCES[name]))

    config = config_path(flags, environ)
    data_dir = take("data_dir", _path, config.parent / ".routerd")
    tls_cert, tls_key = take("tls_cert", _path, None), take("tls_key", _path, None)
    if (tls_cert is None) != (tls_key is None):
        raise SettingsError("--tls-cert and --tls-key belong together: give both, or none")
    return Settings(
        config=config,
        host=take("host", _host, _LOOPBACK),
        port=take("port", _port, 8000),
        data_dir=data_dir,
        database=take("database", _path, data_dir / "state.db"),
        backup_file=take("backup_file", _path, data_dir / "backups" / "config_backup.json"),
        identity_file=take("identity_file", _path, None),
        identity=take("identity", _text, None),
        admin_token=take("admin_token", _text, None),
        request_timeout=take("request_timeout", _seconds, 10.0),
        on_boot_error=take("on_boot_error", _on_boot_error, "last-good"),
        tls_cert=tls_cert,
        tls_key=tls_key,
        config_is_default=_raw("config", flags, environ) is None,
        warnings=tuple(_warnings(environ)),
    )


def _raw(name: str, flags: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    """What was given for a setting. An empty variable counts as none, but for secrets, where it is an error."""
    source = SOURCES[name]
    if source.flag is not None and flags.get(source.flag) is not None:
        return str(flags[source.flag])
    value = environ.get(source.variable) if source.variable is not None else None
    if value is not None and not value.strip():
        if name in _NEVER_EMPTY:
            raise SettingsError(f"{source.variable} is empty: give it a value, or unset it")
        return None
    return value


def _text(raw: str, source: str) -> str:
    return raw


def _path(raw: str, source: str) -> Path:
    if not raw:
        raise SettingsError(f"{source} is empty: give it a path")
    return Path(raw)


def _host(raw: str, source: str) -> str:
    host = raw.strip().removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"[A-Za-z0-9:%_-]{1,63}(?:\.[A-Za-z0-9:%_-]{1,63})*\.?", host):
        raise SettingsError(f"{source} is no address: give one of this machine, such as {_LOOPBACK} or 0.0.0.0")
    return host


def _port(raw: str, source: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", raw.strip()) or int(raw) > 65535:
        raise SettingsError(f"{source} is no port: give a number from 0 to 65535")
    return int(raw)


def _seconds(raw: str, source: str) -> float:
    try:
        seconds = float(raw)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise SettingsError(f"{source} is no timeout: give seconds, more than 0 and at most 3600")
    return seconds


def _on_boot_error(raw: str, source: str) -> OnBootError:
    if raw in _ON_BOOT_ERROR:
        return _ON_BOOT_ERROR[raw]
    raise SettingsError(f"{source} must be last-good or refuse")


def _warnings(environ: Mapping[str, str]) -> list[str]:
    """Variables that are set and do nothing."""
    told = [
        f"{name} is of an earlier system and does nothing now; its successor: {_SUCCESSORS.get(name, 'none')}"
        for name in sorted(environ)
        if name.startswith("BACKEND_")
    ]
    known = [source.variable.removeprefix(_PREFIX) for source in SOURCES.values() if source.variable]
    for name in sorted(environ):
        rest = name.removeprefix(_PREFIX)
        if name.startswith(_PREFIX) and rest not in known:
            told.extend(f"{name} is no setting: did you mean {_PREFIX}{near}?" for near in _near(rest, known))
    return told


def _near(word: str, known: list[str]) -> list[str]:
    from difflib import get_close_matches  # here: hardly anyone has misspelt one

    return get_close_matches(word, known, n=1, cutoff=0.7)


_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.ASCII | re.DOTALL)
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\", "\\$": "$"}


def parse_env(text: str) -> dict[str, str]:
    """The variables of a `.env` file: `NAME=value` lines, `#` comments, quotes, `export`. Raises SettingsError.

    Nothing is expanded: a `$` in a key stays one.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _LINE.fullmatch(line)
        value = _unquoted(parts[2]) if parts is not None else None
        if parts is None or value is None:
            raise SettingsError(f".env:{number} is not NAME=value: correct the line, or begin it with #")
        found[parts[1]] = value
    return found


def _unquoted(value: str) -> str | None:
    """The value without its quotes or its comment; None when a quote is never closed."""
    if value[:1] in ("'", '"'):
        quoted = re.fullmatch(r"'([^']*)'(?:\s*#.*)?|\"((?:[^\"\\]|\\.)*)\"(?:\s*#.*)?", value)
        if quoted is None:
            return None
        if quoted[1] is not None:
            return quoted[1]
        return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), quoted[2])
    return re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]
