"""Tasks that any agent can work off, and what its folder must hold afterwards.

Each round of a task is one turn of the model: it thinks, says something, and has deeds done by tools. Every agent has
a kit that says the deeds as calls of its own tools. A note is one more line in a log: done twice, it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.support.chat import ToolCall
from tests.support.script import Turn

LOG = "log.txt"


@dataclass(frozen=True)
class Read:
    """Look into a file."""

    path: str


@dataclass(frozen=True)
class Write:
    """Make a new file."""

    path: str
    text: str


@dataclass(frozen=True)
class Note:
    """Add a line (letters, digits and spaces) to the log."""

    line: str

    @property
    def command(self) -> str:
        """How a shell does it."""
        return f"echo {self.line} >> {LOG}"


Deed: TypeAlias = Read | Write | Note
Kit: TypeAlias = Callable[[Deed, Path], ToolCall]


@dataclass(frozen=True)
class Round:
    """One turn of the model."""

    text: str = ""
    thinking: str = ""
    deeds: tuple[Deed, ...] = ()
    is_redacted: bool = False


@dataclass(frozen=True)
class Task:
    """`key` stands in the prompt, so a scripted model knows what it is about. The last round is the answer."""

    name: str
    rounds: tuple[Round, ...]
    files: Mapping[str, str] = field(default_factory=lambda: {"notes.txt": "The secret word is heron.\n"})

    @property
    def key(self) -> str:
        return f"[{self.name}]"

    @property
    def prompt(self) -> str:
        return f"Work off the task {self.key}."

    @property
    def answer(self) -> str:
        return self.rounds[-1].text

    def script(self, kit: Kit, project: Path) -> tuple[Turn, ...]:
        """The model's side of it, for an agent with this kit that works in `project`."""
        return tuple(
            Turn(one.text, one.thinking, tuple(kit(deed, project) for deed in one.deeds), is_redacted=one.is_redacted)
            for one in self.rounds
        )

    def lay_out(self, project: Path) -> None:
        """Put into the folder what is there before the task."""
        project.mkdir(parents=True)
        for name, text in self.files.items():
            (project / name).write_text(text)

    def faults(self, project: Path) -> list[str]:
        """What is not in the folder as it should be."""
        found = {path.name: path.read_text() for path in project.iterdir() if path.is_file()}
        wanted = self._outcome()
        return [
            f"{name}: {found.get(name)!r} instead of {wanted.get(name)!r}"
            for name in sorted(found.keys() | wanted.keys())
            if found.get(name) != wanted.get(name)
        ]

    def _outcome(self) -> dict[str, str]:
        files = dict(self.files)
        for deed in (deed for one in self.rounds for deed in one.deeds):
            if isinstance(deed, Write):
                files[deed.path] = deed.text
            elif isinstance(deed, Note):
                files[LOG] = files.get(LOG, "") + f"{deed.line}\n"
        return files


HERON = Task(
    "heron",
    (
        Round("I read the notes.", "The word must be in notes.txt.", (Read("notes.txt"),)),
        Round("", "I have it; two things at once.", (Write("word.txt", "heron\n"), Note("wrote the word"))),
        Round("The word is written down.", "Nothing is left to do."),
    ),
)
"""The task that shows most: words before a call, parallel calls, and thoughts in every round."""


def _read(path: str = "notes.txt") -> Round:
    return Round("", "Let me look.", (Read(path),))


def _steps(count: int) -> tuple[Round, ...]:
    return tuple(Round(f"Step {one}.", f"Now {one}.", (Note(f"step {one}"),)) for one in range(count))


_ODD_TEXT = 'Grüße, "quoted" \\ back\\slash\n\ttab, 東京 🦆 \u2028 and </script> {"a": [1, null]}\n'
_LONG_TEXT = "".join(f"Line {number} of a long report about herons.\n" for number in range(60))


def _done(text: str = "Done.", thinking: str = "") -> Round:
    return Round(text, thinking)


DRILL = (
    HERON,
    Task("only-words", (_done("Nothing has to be done for that."),)),
    Task("only-thoughts", (_done("The answer is 42.", "Six times seven is forty-two. " * 6),)),
    Task("one-call", (Round("", "", (Note("one"),)), _done())),
    Task("one-read", (_read(), _done("The word is heron."))),
    Task("words-before-the-call", (Round("I write it down first.", "", (Write("a.txt", "a\n"),)), _done())),
    Task("two-at-once", (Round("", "Both.", (Note("first"), Write("b.txt", "b\n"))), _done())),
    Task(
        "four-at-once",
        (Round("", "All.", (Read("notes.txt"), Write("c.txt", "c\n"), Write("d.txt", "d\n"), Note("four"))), _done()),
    ),
    Task("twins", (Round("Twice the same.", "", (Read("notes.txt"), Read("notes.txt"))), _done("Both are the same."))),
    Task("three-steps", (*_steps(3), _done("Three steps are done."))),
    Task("six-steps", (*_steps(6), _done("Six steps are done."))),
    Task("odd-text", (Round("", "Odd.", (Write("odd.txt", _ODD_TEXT),)), _done("Schön: „getan“ – 完了 🦆."))),
    Task("odd-answer", (_read(), _done('{"word": "heron", "n": [1, 2]}\n\n```\ncode\n```'))),
    Task("long-write", (Round("", "Long.", (Write("report.txt", _LONG_TEXT),)), _done())),
    Task("long-answer", (_read(), _done(_LONG_TEXT.strip()))),
    Task(
        "long-read",
        (_read("long.txt"), _done("That was long.")),
        files={"long.txt": "".join(f"{number} herons\n" for number in range(400))},
    ),
    Task("missing-file", (_read("nowhere.txt"), Round("Then I make it.", "", (Write("here.txt", "x\n"),)), _done())),
    Task("secret-thoughts", (Round("", "Hidden.", (Note("hidden"),), is_redacted=True), _done("Done in silence."))),
    Task(
        "thoughts-now-and-then",
        (Round("", "", (Note("no thought"),)), Round("", "Hm.", (Note("a thought"),)), _done("Both.", "At last.")),
    ),
    Task("write-then-read", (Round("", "", (Write("e.txt", "e\n"),)), _read("e.txt"), _done("It says e."))),
)
"""Twenty tasks, each with something that has gone wrong somewhere."""
