"""router.yaml: what it says, what can be wrong with it, and how it is heard to change."""
