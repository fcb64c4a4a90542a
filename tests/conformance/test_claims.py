"""The stand-in is held to every claim it makes about Stripe; `make stripe-smoke` holds Stripe to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import pytest

from tests.conformance import claims, door_claims
from tests.conformance.claims import CLAIMS
from tests.conformance.conftest import sdk
from tests.conformance.world import NEEDS_STANDIN, World
from tests.standins import StandIn


@pytest.fixture
def world(stripe: StandIn) -> Iterator[World]:
    with sdk(stripe.url) as client:
        yield World(client, stripe)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_the_stand_in_keeps_its_claim(claim: Callable[[World], None], world: World) -> None:
    claim(world)


def test_every_claim_is_listed_and_worded() -> None:
    written = {
        found
        for module in (claims, door_claims)
        for found in vars(module).values()
        if inspect.isfunction(found) and list(inspect.signature(found).parameters) == ["world"]
    }
    assert written == set(CLAIMS)
    assert all(claim.__doc__ for claim in CLAIMS)
    assert {claim.__name__ for claim in CLAIMS} >= NEEDS_STANDIN
