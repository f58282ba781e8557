"""Durations and sizes, as people write them."""

from __future__ import annotations

import pytest

from routerd.config.values import parse_duration, parse_size


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("200ms", 0.2),
        ("5s", 5.0),
        ("1.5s", 1.5),
        ("10m", 600.0),
        ("1h30m", 5400.0),
        ("30d", 2_592_000.0),
        ("2w", 1_209_600.0),
        ("0s", 0.0),
        (5, 5.0),
        (0.25, 0.25),
        (0, 0.0),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written", ["", "5", "s", "5 s", "5S", "-5s", "5min", "1e3s", "٥s", "5s ", "300y", -1, True, None, [], 1e30]
)
def test_no_durations(written: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("32MiB", 33_554_432),
        ("32 MiB", 33_554_432),
        ("32mib", 33_554_432),
        ("1.5KiB", 1_536),
        ("1kB", 1_000),
        ("1MB", 1_000_000),
        ("1GB", 1_000_000_000),
        ("1GiB", 1_073_741_824),
        ("512B", 512),
        (1024, 1_024),
        (0, 0),
    ],
)
def test_sizes(written: object, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize("written", ["", "32", "MiB", "32M", "32 megs", "-1B", "1iB", 1.5, -1, False, None, 2**60])
def test_no_sizes(written: object) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(written)
