"""INV-8: a receipt that truly could not be sent is no finding where the books say so."""

from __future__ import annotations

import pytest

from tests.checker.conftest import Check
from tests.checker.corruptions import untold
from tests.checker.damage import books, both
from tests.checker.world import World

_RECEIPT = "(SELECT id FROM message WHERE ref = 'receipt-ch_3')"
_ALERT = books(
    "INSERT INTO alert (ref, code, key, facts, raised_at)"
    f" SELECT 'told', 'message_refused', 'message:' || {_RECEIPT}, '{{}}', '2026-11-19 12:00:00.000000'"
)
_NO = books("UPDATE consent_event SET contact_id = 2 WHERE event = 'opted_out'")
_NO_ADDRESS = books("UPDATE contact SET email = NULL WHERE id = 2")
_TRIED = books("UPDATE message SET attempts = 3, queued_at = '2026-11-18 12:00:00.000000'"
               " WHERE ref = 'receipt-ch_3'")  # fmt: skip
_FRESH = books("UPDATE message SET queued_at = '2026-11-20 11:55:00.000000' WHERE ref = 'receipt-ch_3'")
HOLDS = {
    "refused, with an alert": both(untold("ch_3", "failed", "carrier_refused"), _ALERT),
    "given up, with an alert": both(untold("ch_3", "suppressed", "given_up"), _ALERT),
    "after a no": both(untold("ch_3", "suppressed", "opted_out"), _NO),
    "to an address that is dead": untold("ch_3", "suppressed", "dead_address"),
    "without an address": both(untold("ch_3", "suppressed", "no_address"), _NO_ADDRESS),
    "bounced": books("UPDATE message SET status = 'bounced' WHERE ref = 'receipt-ch_3'"),
    "tried for two days": both(untold("ch_3", "queued"), _TRIED),
    "queued a moment ago": both(untold("ch_3", "queued"), _FRESH),
}


@pytest.mark.parametrize("name", HOLDS)
def test_what_could_not_be_sent_and_says_so_holds(name: str, world: World, check: Check) -> None:
    """What kept a receipt back is in the books, or it is still on its way: nothing is broken."""
    HOLDS[name](world)
    assert check(world).broken == {}


def test_what_was_given_up_in_silence_is_found(world: World, check: Check) -> None:
    """The same without an alert is a finding, and so is what is tried for longer than three days."""
    untold("ch_3", "suppressed", "given_up")(world)
    assert "is given up, and no alert was raised" in check(world).broken["INV-8"]
    books("UPDATE message SET status = 'queued', attempts = 9 WHERE ref = 'receipt-ch_3'")(world)
    assert "is queued since 2026-11-16T12:00" in check(world).broken["INV-8"]
