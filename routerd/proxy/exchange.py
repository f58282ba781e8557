"""The heart: one request becomes a plan, and the plan becomes attempts until one commits."""

from __future__ import annotations

import asyncio

from routerd.errors import RouterError
from routerd.proxy.journey import Journey
from routerd.proxy.services import Services


async def exchange(journey: Journey, services: Services) -> None:
    """Answer one request. Raises the RouterError that says best why nobody could.

    Up to the commit (the first content given to the caller) a failure may be followed by the next target. After it
    nothing is: of what is lost then, the caller has been told in-band by the time this returns.
    """
    walk = journey.walk()
    while (step := walk.next(services.now())) is not None:
        attempt = journey.begin(step, walk)
        if attempt is None:
            continue
        try:
            await services.upstreams.open(attempt)
            failure = await journey.carry(attempt)
        except RouterError as error:
            journey.settle(attempt, error)
            await _pause(journey, walk.failed(step, error, services.now()))
        except BaseException as gone:
            journey.abandon(attempt, "cancelled" if isinstance(gone, asyncio.CancelledError) else "internal")
            raise
        else:
            return journey.settle(attempt, failure)
    raise walk.error


async def _pause(journey: Journey, seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        journey.left()
        raise
