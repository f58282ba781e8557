"""Real clients through the real daemon: what they show their users is what counts."""
