"""What came of checking a text, also when another process has checked it.

What checks a text (pydantic, the model, the parser of YAML) is a quarter of all memory, and nothing that serves needs
it. So it is imported here at first need, and what another process found is taken without it.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from routerd.config.marks import Marks, NodeMark, mark
from routerd.config.problem import Problem

if TYPE_CHECKING:
    from routerd.config.model import RouterConfig


class Meaning:
    """The config that a text means.

    `values` has the attributes of the config, and neither its types nor its methods if another process made it.
    """

    def __init__(self, config: RouterConfig) -> None:
        self.values = config
        self._config: RouterConfig | None = config
        self._pickle = self._data = b""
        self._marks: Marks | None = None

    @property
    def config(self) -> RouterConfig:
        """The config itself. At first need it may take a quarter of a second: not for the event loop then."""
        pickled = self._pickle  # before it is looked whether another thread is done with it
        if self._config is None:
            import pickle

            self._config = self.values = pickle.loads(pickled)
            self._pickle = self._data = b""
        return self._config

    @property
    def marks(self) -> Marks:
        """What tells its entries from those of another config. Takes milliseconds: not for the event loop."""
        if self._marks is None:
            self._marks = mark(self.config)
        return self._marks

    def data(self) -> Any:
        """A copy of the data that the text consists of; None where it was not kept."""
        return marshal.loads(self._data) if self._data else None

    @classmethod
    def received(cls, values: Any, pickled: bytes, marks: tuple[Any, Any], data: bytes) -> Meaning:
        """What another process sent."""
        self = cls(cast("RouterConfig", _revived(values)))
        self._config, self._pickle, self._data = None, pickled, data
        entries, nodes = marks
        self._marks = Marks(entries, {name: [NodeMark(*node) for node in of_route] for name, of_route in nodes.items()})
        return self


@dataclass(frozen=True, slots=True)
class Examined:
    """What a text is worth. `meaning` is None when there is any error; `problems` are in the order of the text."""

    problems: tuple[Problem, ...]
    meaning: Meaning | None


def message(text: str) -> bytes:
    """What `examined` reads: all that checking the text has brought to light."""
    import pickle

    from routerd.config.check import check_document
    from routerd.config.document import parse

    document = parse(text)
    checked = check_document(document)
    meaning, config = None, checked.config
    if config is not None:
        entries, nodes = mark(config)
        marks = (entries, {name: [tuple(node) for node in of_route] for name, of_route in nodes.items()})
        meaning = (_plain(config), pickle.dumps(config, pickle.HIGHEST_PROTOCOL), marks, marshal.dumps(document.data))
    return marshal.dumps(([astuple(problem) for problem in checked.problems], meaning))


def examined(received: bytes) -> Examined:
    """What a `message` says. Raises EOFError, ValueError or TypeError when it is none."""
    problems, meaning = marshal.loads(received)
    found = tuple(Problem(*problem) for problem in problems)
    return Examined(found, None if meaning is None else Meaning.received(*meaning))


def _plain(value: Any) -> Any:
    """A value of a config as marshal can write it: a part with attributes becomes a tuple of their map."""
    if hasattr(type(value), "model_fields"):
        return ({name: _plain(each) for name, each in vars(value).items()},)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _revived(value: Any) -> Any:
    if isinstance(value, tuple):
        return SimpleNamespace(**{name: _revived(each) for name, each in value[0].items()})
    if isinstance(value, dict):
        return {name: _revived(each) for name, each in value.items()}
    return [_revived(each) for each in value] if isinstance(value, list) else value
