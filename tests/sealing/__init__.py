"""Keys sealed with age."""
