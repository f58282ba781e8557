"""One thing wrong with the config, said so that a person can go there and mend it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]
Path = tuple[str | int, ...]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: `line` and `column` count from 1, `path` reads like `routes.smart.nodes[1].provider`.

    `hint` says what to do about it. Neither text ever holds a value that could be a secret.
    """

    severity: Severity
    line: int
    column: int
    path: str
    message: str
    hint: str | None = None

    @property
    def text(self) -> str:
        """The message with its hint, as one line."""
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.line}:{self.column}: {self.severity}: {where}{self.text}"

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` and the API give."""
        return asdict(self)


def path_text(path: Path) -> str:
    """`("routes", "my route", "nodes", 1)` as `routes["my route"].nodes[1]`."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _WORD.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            import json

            parts.append(f"[{json.dumps(step, ensure_ascii=False)}]")
    return "".join(parts)
