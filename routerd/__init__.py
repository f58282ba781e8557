"""routerd: an LLM router that you configure in one file."""

from importlib.util import find_spec

__version__ = "0.1.0"


def is_compiled() -> bool:
    """Whether the hot path runs as machine code, and not as the Python that lies beside it."""
    spec = find_spec("routerd.errors")
    return spec is not None and not str(spec.origin).endswith(".py")
