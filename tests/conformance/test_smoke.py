"""`make stripe-smoke` as it runs, with the stand-in in Stripe's place."""

from __future__ import annotations

import pytest

from tests.conformance.claims import CLAIMS
from tests.conformance.world import NEEDS_STANDIN
from tests.standins import API_KEY, StandIn
from tests.stripe_smoke import Smoke

Output = pytest.CaptureFixture[str]


def test_the_smoke_holds(standin: StandIn, capsys: Output) -> None:
    """Every promise of the gateway and every claim that needs no lever is held, each by its own line."""
    assert Smoke(API_KEY, standin).run() == 0
    said = capsys.readouterr().out
    assert "BROKEN" not in said
    for claim in CLAIMS:
        assert (str(claim.__doc__) in said) == (claim.__name__ not in NEEDS_STANDIN)
    for promise in ("the kept card is charged", "a part is given back", "events tell of the charge"):
        assert f"holds   {promise}" in said


def test_one_refused_currency_ends_nothing(standin: StandIn, capsys: Output) -> None:
    """A page that is refused, or struck by an error, is one broken line; the others are held all the same."""
    standin.fault("checkout.sessions.create", "error_500", stored=True)
    smoke = Smoke(API_KEY, standin)
    smoke.page("GBP", "en")
    smoke.page("EUR", "ru")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["BROKEN", *["holds"] * 5]
    assert smoke.broken == 1
