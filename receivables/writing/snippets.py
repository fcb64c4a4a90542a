"""Snippets: texts to begin a message with, in four languages; the house's own, everybody's, or one person's.

Those that ship (`house.toml` beside this file) are the same for all and are not changed; who wants them
otherwise keeps one of his own. Words are plain text; `{name}` stands for the contact's name and nothing
else is filled in, so that what is written is what is read (X-05).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.base import new_ref
from models.writing import Snippet, SnippetText
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, may, require
from receivables.texts import clean_words, one_line

LANGUAGES = ("en", "he", "ru", "hu")
#: Longest name, subject and words, characters.
NAME_MOST, SUBJECT_MOST, WORDS_MOST = 80, 120, 4000
_HOUSE = Path(__file__).parent / "house.toml"


@dataclass(frozen=True, slots=True)
class Text:
    """The words of a snippet in one language."""

    subject: str
    words: str


@dataclass(frozen=True, slots=True)
class SnippetView:
    """One snippet as who writes sees it.

    Attributes:
        kind: "house" (ships, read only), "shared" or "own".
        texts: by language; one at least.
        editable: whether this reader may change it or put it away.
    """

    ref: str
    name: str
    kind: str
    texts: Mapping[str, Text]
    editable: bool

    def text(self, language: str) -> Text:
        """Its words in a language; English, else the first that there is, where it lacks that one."""
        return self.texts.get(language) or self.texts.get("en") or next(iter(self.texts.values()))


@cache
def house_snippets() -> tuple[SnippetView, ...]:
    """The snippets that ship."""
    data = tomllib.loads(_HOUSE.read_text(encoding="utf-8"))
    return tuple(
        SnippetView(
            ref=f"house-{code}",
            name=one["name"],
            kind="house",
            texts={lang: Text(one[lang]["subject"], one[lang]["words"].strip()) for lang in LANGUAGES},
            editable=False,
        )
        for code, one in data.items()
    )


def listed(session: Session, actor: Actor) -> list[SnippetView]:
    """Return what the actor may begin with: his own, everybody's, the house's; two statements.

    Raises:
        NotAllowed: the actor may not write messages.
    """
    require(actor, Permission.MESSAGE_WRITE)
    rows = session.scalars(
        select(Snippet)
        .where(Snippet.is_active, or_(Snippet.owner_id == actor.id, Snippet.owner_id.is_(None)))
        .order_by(Snippet.owner_id.is_(None), Snippet.name, Snippet.id)
    ).all()
    texts: dict[int, dict[str, Text]] = {}
    for text in session.scalars(
        select(SnippetText).where(SnippetText.snippet_id.in_([row.id for row in rows]))
    ):
        texts.setdefault(text.snippet_id, {})[text.language] = Text(text.subject, text.words)
    own = [_view(actor, row, texts[row.id]) for row in rows if row.id in texts]
    return [*own, *house_snippets()]


def one(session: Session, actor: Actor, ref: str) -> SnippetView:
    """Return one snippet that the actor may begin with.

    Raises:
        NotAllowed, NotFound.
    """
    found = next((view for view in listed(session, actor) if view.ref == ref), None)
    if found is None:
        raise NotFound("not_found")
    return found


def keep(
    session: Session, actor: Actor, *, ref: str | None, name: str, texts: Mapping[str, Text], shared: bool,
    now: datetime,
) -> Snippet:  # fmt: skip
    """Keep a snippet, new or changed.

    Args:
        ref: of the one that changes; None for a new one.
        texts: by language; a language whose subject and words are empty is left out.
        shared: for everybody; else the actor's own.
    Raises:
        NotAllowed: the actor may not write messages, or not share.
        NotFound: no such snippet of his.
        Refused: name_missing, snippet_empty, snippet_half (with `language`), snippet_braces, words_too_long.
    """
    require(actor, Permission.MESSAGE_WRITE)
    if shared:
        require(actor, Permission.SNIPPET_SHARE)
    called = one_line(clean_words(name, most=NAME_MOST))
    if not called:
        raise Refused("name_missing")
    kept = _texts(texts)
    row = _changeable(session, actor, ref) if ref else Snippet(ref=new_ref(), is_active=True)
    row.name, row.owner_id = called, None if shared else actor.id
    row.changed_by_id, row.changed_at = actor.id, now
    session.add(row)
    session.flush()
    for known in session.scalars(select(SnippetText).where(SnippetText.snippet_id == row.id)).all():
        session.delete(known)
    session.flush()
    session.add_all(
        SnippetText(snippet_id=row.id, language=language, subject=text.subject, words=text.words)
        for language, text in kept.items()
    )
    session.flush()
    record(
        session, actor, "snippet.kept", row, account_id=None, now=now,
        facts={"shared": shared, "languages": sorted(kept)}, personal={"name": called},
    )  # fmt: skip
    return row


def put_away(session: Session, actor: Actor, ref: str, *, now: datetime) -> Snippet:
    """Let a snippet be offered no more; what was written with it stays. A second call changes nothing.

    Raises:
        NotAllowed, NotFound.
    """
    require(actor, Permission.MESSAGE_WRITE)
    row = _changeable(session, actor, ref)
    row.is_active, row.changed_by_id, row.changed_at = False, actor.id, now
    record(session, actor, "snippet.put_away", row, account_id=None, now=now)
    return row


def _changeable(session: Session, actor: Actor, ref: str) -> Snippet:
    row = session.scalar(select(Snippet).where(Snippet.ref == ref, Snippet.is_active).with_for_update())
    if row is None or row.owner_id not in (None, actor.id):
        raise NotFound("not_found")
    if row.owner_id is None:
        require(actor, Permission.SNIPPET_SHARE)
    return row


def _texts(texts: Mapping[str, Text]) -> dict[str, Text]:
    kept: dict[str, Text] = {}
    for language, text in texts.items():
        subject = one_line(clean_words(text.subject, most=SUBJECT_MOST))
        words = clean_words(text.words, most=WORDS_MOST)
        if not subject and not words:
            continue
        if not subject or not words:
            raise Refused("snippet_half", language=language)
        if set("{}") & set((subject + words).replace("{name}", "")):
            raise Refused("snippet_braces")
        kept[language] = Text(subject, words)
    if not kept:
        raise Refused("snippet_empty")
    return kept


def _view(actor: Actor, row: Snippet, texts: Mapping[str, Text]) -> SnippetView:
    own = row.owner_id is not None
    return SnippetView(
        row.ref, row.name, "own" if own else "shared", texts, own or may(actor, Permission.SNIPPET_SHARE)
    )


def begun(text: Text, contact_name: str) -> Text:
    """The words as they stand in a new message to somebody.

    >>> begun(Text("To you", "Dear {name}"), "Dana").words
    'Dear Dana'
    """
    return Text(text.subject.replace("{name}", contact_name), text.words.replace("{name}", contact_name))
