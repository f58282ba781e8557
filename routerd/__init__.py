"""routerd: an LLM router that you configure in one file."""

__version__ = "0.1.0"


def is_compiled() -> bool:
    """Whether the hot path runs as machine code, and not as the Python that lies beside it."""
    from routerd import errors  # one that is compiled, if any is

    return not str(errors.__file__).endswith(".py")
