"""Text to RouterConfig, or every problem that it has: of YAML, of single values, and of what they mean together."""

from __future__ import annotations

from dataclasses import dataclass

from routerd.config.crosscheck import crosscheck
from routerd.config.document import Document, parse
from routerd.config.findings import Findings
from routerd.config.model import RouterConfig
from routerd.config.problem import Problem
from routerd.config.shape import shape

__all__ = ["Checked", "Problem", "check"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text is worth. `config` is None when there is any error; `problems` are in the order of the text."""

    config: RouterConfig | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems for which the text can't be used."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def check(text: str) -> Checked:
    """Look at everything at once. Takes milliseconds for each hundred routes: not for the event loop."""
    return check_document(parse(text))


def check_document(document: Document) -> Checked:
    """As `check`, of a text that has been parsed."""
    if document.root is None:
        empty = Problem("error", 1, 1, "", "there is no configuration in here", "`{}` is an empty one")
        return Checked(None, document.problems or (empty,))
    shaped = shape(document)
    findings = Findings(document, shaped)
    if shaped.config is not None:
        crosscheck(findings, shaped.config)
    problems = sorted(
        (*document.problems, *_news(document.problems, (*shaped.problems, *findings.problems))),
        key=lambda problem: (problem.line, problem.column),
    )
    is_usable = all(problem.severity == "warning" for problem in problems)
    return Checked(shaped.config if is_usable else None, tuple(problems))


def _news(told: tuple[Problem, ...], found: tuple[Problem, ...]) -> list[Problem]:
    """What is not just another view of what YAML itself has to say about the same place."""
    places = {(problem.line, problem.column) for problem in told}
    return [problem for problem in dict.fromkeys(found) if (problem.line, problem.column) not in places]
