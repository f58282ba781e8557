"""How providers are, looked at on purpose: tests, checks in the background, what a person decides."""
