"""The portal's words: in four languages, with the same values in them, in the tone of the house."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent.parent
#: Words that no debtor reads from us (tone.md 4, look.md "Voice"), with their inflections.
NEVER = {
    "en": r"urgent|immediately|debtor|delinquent|\bdebts?\b|failure|you must|unfortunately|kindly|!",
    "he": r"דחוף|לאלתר|סרבן|החייב|עיקול|לצערנו|!",
    "ru": r"срочно|немедленно|должник|задолженност|обязаны|иначе|к сожалению|!",
    "hu": r"azonnal|sürgős|adós|tartozás|köteles|különben|sajnos|!",
}


#: A page's frame that staff read over the shoulder of the debtor, in the words of the desk.
STAFF_READ = "staff_view_banner.html"


def _sources() -> Iterator[tuple[str, Path]]:
    for folder in ("portal", "errors", "components"):
        yield from (("jinja2", path) for path in sorted((ROOT / "templates" / folder).glob("*.html")))
    yield "jinja2", ROOT / "templates" / "base.html"
    yield from (("python", path) for path in sorted((ROOT / "portal").glob("*.py")))


@cache
def _messages(without: str = "") -> frozenset[tuple[str | None, str | tuple[str, ...]]]:
    found = set()
    for method, path in _sources():
        if path.name == without:
            continue
        options = {"trimmed": "true", "silent": "false"} if method == "jinja2" else {}
        for _line, text, _comments, context in extract_from_file(
            method, path, keywords=DEFAULT_KEYWORDS, options=options
        ):
            found.add((context, text))
    return frozenset(found)


@cache
def _catalogue(language: str) -> Catalog:
    path = ROOT / "translations" / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as source:
        return read_po(source, locale=language)


def _strings(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def _names(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)", text)) - {"num"}


@pytest.mark.parametrize("language", ["he", "ru", "hu"])
def test_every_sentence_is_translated_with_its_values(language: str) -> None:
    """Each string of a page or a form has its translation, in every plural form of the language."""
    catalogue = _catalogue(language)
    wrong = []
    for context, text in _messages():
        found = catalogue.get(text, context)
        strings = _strings(found.string) if found else ()
        forms = 1 if isinstance(text, str) else catalogue.num_plurals
        names = _names(_strings(text)[0])
        if len(strings) != forms or not all(strings) or any(_names(s) != names for s in strings):
            wrong.append(text)
    assert wrong == []
    assert len(_messages()) > 150


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
def test_no_word_of_threat_or_blame(language: str) -> None:
    """tone.md 4: checked by word, in every language."""
    for context, text in _messages(STAFF_READ):
        found = (
            _strings(text) if language == "en" else _strings(_catalogue(language).get(text, context).string)
        )
        for sentence in found:
            assert not re.search(NEVER[language], sentence, re.IGNORECASE), sentence


def test_russian_counts_in_three_forms() -> None:
    """1 счёт, 2 счёта, 5 счетов."""
    found = _catalogue("ru").get(("%(num)d invoice", "%(num)d invoices"))
    assert found is not None
    assert found.string == ("%(num)d счёт", "%(num)d счёта", "%(num)d счетов")
