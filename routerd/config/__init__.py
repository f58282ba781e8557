"""router.yaml: text to checked model, and back."""
