"""Wire formats and vendors."""
