"""Snippets: what ships, what is everybody's, what is one's own (issue D, part 2)."""

from __future__ import annotations

import pytest

from models.staff import Role
from models.store import Store
from models.writing import Snippet
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor
from receivables.writing import snippets
from receivables.writing.snippets import LANGUAGES, Text
from tests import factories as make
from tests.conftest import NOON

EN = {"en": Text("your order", "Dear {name}, a word about your order.")}


def actor(store: Store, role: Role = Role.COLLECTOR) -> Actor:
    with store.write() as s:
        return make.staff_actor(make.a_person(s, role))


def keep(store: Store, by: Actor, *, shared: bool = False, ref: str | None = None, name: str = "Order",
         texts: dict[str, Text] | None = None) -> Snippet:  # fmt: skip
    with store.write() as s:
        return snippets.keep(
            s, by, ref=ref, name=name, texts=EN if texts is None else texts, shared=shared, now=NOON
        )


def names(store: Store, by: Actor) -> list[tuple[str, str, bool]]:
    with store.read() as s:
        return [(v.name, v.kind, v.editable) for v in snippets.listed(s, by) if v.kind != "house"]


def test_what_ships_is_whole_in_each_language() -> None:
    """Four languages, subject and words each; only {name} is filled in; nothing of it is changed."""
    for view in snippets.house_snippets():
        assert set(view.texts) == set(LANGUAGES)
        assert not view.editable
        for text in view.texts.values():
            assert text.subject
            assert text.words
            assert not set("{}") & set((text.subject + text.words).replace("{name}", ""))


def test_own_and_shared(store: Store) -> None:
    """One's own is seen by oneself; a shared one by all, and changed by who may share."""
    one, other, chief = actor(store), actor(store), actor(store, Role.SUPERVISOR)
    keep(store, one, name="Mine")
    keep(store, chief, name="Ours", shared=True)
    assert names(store, one) == [("Mine", "own", True), ("Ours", "shared", False)]
    assert names(store, other) == [("Ours", "shared", False)]
    assert names(store, chief) == [("Ours", "shared", True)]


def test_who_may_change_what(store: Store) -> None:
    one, other, chief = actor(store), actor(store), actor(store, Role.SUPERVISOR)
    mine, ours = keep(store, one), keep(store, chief, shared=True)
    with pytest.raises(NotAllowed):
        keep(store, one, shared=True)
    with pytest.raises(NotAllowed):
        keep(store, one, ref=ours.ref)
    for stranger in (other, chief):
        with pytest.raises(NotFound):
            keep(store, stranger, ref=mine.ref)
    with pytest.raises(NotFound):
        keep(store, chief, ref="house-question")
    with store.write() as s:
        snippets.put_away(s, one, mine.ref, now=NOON)
    assert names(store, one) == [("Order", "shared", False)]
    with pytest.raises(NotAllowed), store.read() as s:
        snippets.listed(s, actor(store, Role.AUDITOR))


def test_changed_words_replace_the_others(store: Store) -> None:
    one = actor(store)
    row = keep(store, one, texts={"en": Text("a", "b"), "he": Text("א", "ב")})
    keep(store, one, ref=row.ref, name="Anew", texts={"he": Text("ג", "ד"), "en": Text("", "")})
    with store.read() as s:
        view = snippets.one(s, one, row.ref)
    assert (view.name, dict(view.texts)) == ("Anew", {"he": Text("ג", "ד")})
    assert view.text("hu") == Text("ג", "ד")


@pytest.mark.parametrize(
    ("name", "texts", "code"),
    [
        ("", EN, "name_missing"),
        ("a", {}, "snippet_empty"),
        ("a", {"en": Text("a", "")}, "snippet_half"),
        ("a", {"en": Text("a", "pay {amount} or {{ else }}")}, "snippet_braces"),
        ("a", {"en": Text("a", "x" * 4001)}, "words_too_long"),
    ],
)
def test_what_is_no_snippet_is_refused(store: Store, name: str, texts: dict[str, Text], code: str) -> None:
    """X-05: braces are for {name} only."""
    with pytest.raises(Refused, match=code):
        keep(store, actor(store), name=name, texts=texts)
