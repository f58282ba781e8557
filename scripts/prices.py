#!/usr/bin/env python3
"""Write routerd/prices.json from genai-prices (https://github.com/pydantic/genai-prices): `make prices`.

That library is 1.6 MB of Python; all that is needed of it at run time are the prices of tokens.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import data

PLACE = Path(__file__).parent.parent / "routerd" / "prices.json"
_FIELDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
_CLAUSES = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "~", "regex": "/"}


def table() -> dict[str, Any]:
    """Everything that has a price for tokens, as `routerd.pricing` reads it."""
    vendors = {vendor.id: _vendor(vendor) for vendor in data.providers if vendor.id != "openai-decisions"}
    return {"source": f"genai-prices {version('genai-prices')}", "vendors": {k: v for k, v in vendors.items() if v}}


def text() -> str:
    """The file: one line for each model, so that a newer version shows what changed."""
    found = table()
    lines = [f'{{"source":{json.dumps(found["source"])},"vendors":{{']
    for number, (name, vendor) in enumerate(found["vendors"].items()):
        comma = "," if number else ""
        head = {key: value for key, value in vendor.items() if key != "models"}
        lines.append(f'{comma}{json.dumps(name)}:{json.dumps(head, separators=(",", ":"))[:-1]},"models":[')
        lines.append(",\n".join(json.dumps(model, separators=(",", ":")) for model in vendor["models"]))
        lines.append("]}")
    return "\n".join([*lines, "}}", ""])


def _vendor(vendor: Any) -> dict[str, Any] | None:
    models = [[_clauses(model.match), rates] for model in vendor.models if (rates := _rates(model.prices))]
    if not models:
        return None
    like = getattr(vendor, "fallback_model_providers", None)
    return {"at": vendor.api_pattern, **({"like": list(like)} if like else {}), "models": models}


def _clauses(match: Any) -> list[Any]:
    """The ways a name may look, any of which will do."""
    return [_clause(part) for part in match.or_] if hasattr(match, "or_") else [_clause(match)]


def _clause(match: Any) -> Any:
    if hasattr(match, "and_"):
        return [_clause(part) for part in match.and_]
    for field, mark in _CLAUSES.items():
        if (value := getattr(match, field, None)) is not None:
            return mark + (value if field == "regex" else value.lower())
    raise ValueError(f"{match!r} is a kind of match that is not known here")


def _rates(prices: Any) -> list[list[Any]]:
    """One row for each day that prices changed, and for each size of prompts that has its own."""
    if not isinstance(prices, list):
        return _tiers(None, prices)
    dated = [(getattr(each.constraint, "start_date", None), each) for each in prices]
    kept = [(day, each.prices) for day, each in dated if day is not None or each.constraint is None]
    # cheaper at night: the day's price is told, as what is spent had better not be more than what was told
    timed = [each.prices for day, each in dated if day is None and each.constraint is not None]
    usual = [(None, max(timed, key=lambda each: each.input_mtok))] if timed else kept
    return [row for day, each in usual for row in _tiers(day, each)]


def _tiers(day: date | None, prices: Any) -> list[list[Any]]:
    values = [getattr(prices, field) for field in _FIELDS]
    if all(value is None for value in values[:2]):
        return []
    starts = sorted({0, *(tier.start for value in values if hasattr(value, "tiers") for tier in value.tiers)})
    rows = [[day and day.isoformat(), start, *(_at(value, start) for value in values)] for start in starts]
    for row in rows:
        while row[-1] is None:
            row.pop()
    return rows


def _at(value: Any, start: int) -> float | int | None:
    if hasattr(value, "tiers"):
        value = next((tier.price for tier in reversed(value.tiers) if tier.start <= start), value.base)
    return None if value is None else _number(value)


def _number(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(value)


if __name__ == "__main__":
    PLACE.write_text(text())
    print(f"{PLACE.name}: {PLACE.stat().st_size:,} bytes")
