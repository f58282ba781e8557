"""Whether a history of chat completions can go to a provider as the caller sent it.

DeepSeek and Moonshot refuse a history with tool calls whose thoughts are missing, and most callers leave those out
(https://api-docs.deepseek.com/guides/thinking_mode).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


def needs_repair(fields: Mapping[str, msgspec.Raw], quirks: Mapping[str, Any]) -> bool:
    """Whether a provider that is not just relayed to has to get the request, and be read, event by event.

    Where thoughts have to come back it is so once there are tools: they are kept with the first call.
    """
    return bool(quirks.get("repair")) or "tools" in fields or b'"tool_calls"' in bytes(fields.get("messages", b""))
