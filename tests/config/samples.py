"""A text of router.yaml with comments, short forms and long ones, for tests of edits."""

from __future__ import annotations

TEXT = """\
# what we have
providers:
  demo:   # the built-in one
    adapter: echo
    models: [echo, more]   # two of them
    metadata: {team: blue, place: here}
  spare: {adapter: echo, models: [echo]}

routes:
  # the usual
  chat: [demo/echo, spare/echo]
  wide:
    strategy: round-robin
    nodes:
      - demo/more
      - {provider: spare, models: [echo], priority: 1}   # if all else fails
"""
