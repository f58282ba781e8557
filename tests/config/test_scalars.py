"""Plain scalars mean what YAML 1.2's core schema says, which is not what YAML 1.1 said."""

from __future__ import annotations

import pytest

from routerd.config.document import parse
from routerd.config.scalars import NotANumber, Scalar, resolve


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ("none", "none"),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("false", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("0", 0),
        ("-19", -19),
        ("+12", 12),
        ("007", 7),
        ("0o14", 12),
        ("014", 14),
        ("0xFf", 255),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("0.", 0.0),
        (".5", 0.5),
        ("-0.0", -0.0),
        ("12e03", 12000.0),
        ("-2E+05", -200000.0),
        ("1e3", 1000.0),
        (".", "."),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
        ("gpt-5.2", "gpt-5.2"),
        ("5xx", "5xx"),
        ("2026-01-15", "2026-01-15"),
        ("١٢", "١٢"),
        ("=", "="),
    ],
)
def test_core_schema(written: str, value: Scalar) -> None:
    resolved = resolve(written)
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize("written", [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e999", "9" * 41, "0x" + "f" * 40])
def test_what_is_no_number_for_us(written: str) -> None:
    with pytest.raises(NotANumber):
        resolve(written)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 5", 5),
        ("a: '5'", "5"),
        ('a: "true"', "true"),
        ("a: |\n  5\n", "5\n"),
        ("a: >-\n  no\n", "no"),
        ("a: no", "no"),
        ("a:", None),
        ("a: ''", ""),
        ('a: "\\u00e9\\n"', "é\n"),
        ("a: {b: env:NAME}", {"b": "env:NAME"}),
        ("a: [http://localhost:1/v1]", ["http://localhost:1/v1"]),
        ("a: ${NAME}", "${NAME}"),
        ("5: a", None),
    ],
)
def test_scalars_in_a_document(text: str, value: object) -> None:
    document = parse(text)
    assert document.problems == ()
    assert document.data.get("a") == value


def test_keys_are_always_text() -> None:
    assert parse("1: a\ntrue: b\n1.5: c\nnull: d\n'': e").data == {"1": "a", "true": "b", "1.5": "c", "null": "d"}
