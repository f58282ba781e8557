"""Wire formats: one file for each, bytes and dicts to chat and back."""
