"""Words of chat completions that relaying and translation share."""

from __future__ import annotations

NAME = "openai"
PATH = "/chat/completions"
DONE_EVENT = b"data: [DONE]\n\n"
