"""What an edit would do, for those who only look: what is made anew each time is named there, not shown. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from routerd.config.difference import Difference
from routerd.config.places import places
from routerd.edits import Edited
from routerd.sealing import Identity

if TYPE_CHECKING:
    from routerd.config.model import RouterConfig

SEALED_LATER = "age:… (sealed when it is saved)"
MADE_LATER = "age1… (made when it is saved)"


def previewed(edited: Edited, before: str | None, config: RouterConfig, made: Identity | None) -> Edited:
    """The edit without what is sealed or made for it: that is another each time, and would not be what is written.

    `before` is the text of the file, `made` the identity that would come with the new one, which means `config`.
    """
    diff = edited.diff
    for place in places(config):
        if place.kind == "sealed" and place.secret not in (before or ""):
            for written in (place.secret, quote(place.secret, safe=":")):  # as it is, or in a proxy's URL
                diff = diff.replace(written, SEALED_LATER)
    if made is None:
        return replace(edited, diff=diff)
    changes = tuple(_without(made, change) for change in edited.changes)
    return replace(edited, diff=diff.replace(made.recipient, MADE_LATER), changes=changes)


def _without(made: Identity, change: Difference) -> Difference:
    if made.recipient not in change.words:
        return change
    words = change.words.replace(made.recipient, f"the public key of an identity that is then made in {made.place}")
    return replace(change, words=words, brief="+ a new identity")
