"""Says at the end whether the recordings were there to be tested with."""

from __future__ import annotations

import pytest

from tests.adapters import corpus


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line, so that a green run without recordings is not taken for more than it is."""
    found = f"corpus: {len(corpus.recordings())} recordings" if corpus.FOLDER else corpus.NOT_GIVEN
    terminalreporter.write_line(found)
