"""INV-10 where one state of the database alone cannot tell: cut ends, forged chains, erased details."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.checker.conftest import Check
from tests.checker.damage import books, path_of, rehashed_from
from tests.checker.world import World


def _head(world: World) -> str:
    with closing(sqlite3.connect(path_of(world))) as db:
        return str(db.execute("SELECT hash FROM audit_entry ORDER BY id DESC").fetchone()[0])


_CUT = books(
    "DELETE FROM audit_detail WHERE audit_entry_id > 20",
    "DELETE FROM audit_entry WHERE id > 20",
)


def test_cut_end_needs_the_anchor(world: World, check: Check) -> None:
    """A truncated chain is whole in itself; the head kept elsewhere finds it (M-20)."""
    anchor = _head(world)
    assert check(world, "--anchor", anchor).code == 0
    _CUT(world)
    assert check(world).code == 0
    answer = check(world, "--anchor", anchor)
    assert set(answer.broken) == {"INV-10"}
    assert answer.broken["INV-10"] == f"the anchor {anchor} is not in the chain, which ends with row 20"


def test_forged_chain_needs_the_anchor(world: World, check: Check) -> None:
    """Who can rewrite every hash after his change is found by the head kept elsewhere (M-20)."""
    anchor = _head(world)
    with closing(sqlite3.connect(path_of(world))) as db:
        (act,) = db.execute(
            "SELECT min(id) FROM audit_entry WHERE code = 'account.language_chosen'"
        ).fetchone()
    rehashed_from(act)(world)
    assert _head(world) != anchor
    assert check(world).code == 0
    assert set(check(world, "--anchor", anchor).broken) == {"INV-10"}


def test_older_anchor_holds_as_the_chain_grows(world: World, check: Check) -> None:
    """An anchor need not be the head: the chain has grown since it was kept."""
    with closing(sqlite3.connect(path_of(world))) as db:
        (anchor,) = db.execute("SELECT hash FROM audit_entry WHERE id = 5").fetchone()
    assert check(world, "--anchor", anchor.upper()).code == 0


def test_erased_details_hold(world: World, check: Check) -> None:
    """Personal values may be erased, row or values, and the chain stays whole (decision 16)."""
    books("""UPDATE audit_detail SET "values" = '{}', reason = NULL WHERE id = 1""")(world)
    books("DELETE FROM audit_detail WHERE id > 1")(world)
    assert check(world).code == 0
