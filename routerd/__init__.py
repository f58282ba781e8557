"""routerd: an LLM router that you configure in one file."""

__version__ = "0.1.0"
