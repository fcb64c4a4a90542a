"""The setting itself: accessible, in its own fonts, in the right order, and no word of it is code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import typst

from gateways.press import KEPT_SECONDS, TEMPLATES, Setter, forget_old, keep
from presentation import LANGUAGES
from presentation.documents import Documents
from receivables.ports import Document
from tests.presentation.papers import MADE_ON, a_statement, one_of_each, the_parties

SETTER = Setter()
#: Names as people who like to break things give them.
HOSTILE = [
    "#panic()", "#import \"x\": *", "$ x $", "*bold* _it_", "`raw`", "= Heading", "<label>", "@ref",
    "\\u{202e}", "\u202eevil", "// no comment", "[[[", "}}}", '"); #panic("', "#sys.inputs", "- item",
    "~", "'\"",
]  # fmt: skip


def question(document: Document) -> dict[str, object]:
    return {
        "kind": document.kind, "language": document.language, "title": document.title,
        "made_on": document.made_on.isoformat(), "data": document.data,
    }  # fmt: skip


def pages(document: Document) -> list[bytes]:
    made = SETTER.set(question(document), format="png", ppi=20)
    return made if isinstance(made, list) else [made]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_is_accessible_in_every_language(language: str) -> None:
    """Issue B part 6: PDF/UA-1, tagged, with its language and title; typst refuses what is not."""
    for kind, document in one_of_each(language, creditor_language=language).items():
        data = SETTER.set(question(document))
        assert data.startswith(b"%PDF-"), kind
        assert b"pdfuaid:part" in data, kind
        assert f"/Lang ({language}".encode() in data or f"<rdf:li>{language}".encode() in data, kind


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_never_code(name: str) -> None:
    """No injection: what stands in a name is set as it is, as wide as its letters and on one page."""
    for document in one_of_each("en", account=name, creditor=name, person=name).values():
        assert SETTER.set(question(document)).startswith(b"%PDF-")
        assert len(pages(document)) == 1


def test_a_hostile_name_prints_literally(tmp_path: Path) -> None:
    """`#panic()` as data looks like `#panic()` written by hand as plain text."""
    bare = '#set page(width: auto, height: auto)\n#set text(font: "Noto Sans")\n'
    data = json.dumps({"name": "#panic() *x*"})
    given = _png(tmp_path, bare + "#let d = json(bytes(sys.inputs.data))\n#d.name", data=data)
    assert given == _png(tmp_path, bare + "\\#panic() \\*x\\*")


def test_hebrew_keeps_numbers_in_order(tmp_path: Path) -> None:
    """tone.md section 9: `2041-A` in a Hebrew line reads 2041-A with FSI and PDI, A-2041 without."""
    head = (
        "#set page(width: auto, height: auto)\n"
        '#set text(font: ("Noto Sans", "Noto Sans Hebrew"), lang: "he", dir: rtl)\n'
    )
    isolated = _png(tmp_path, head + "חשבונית \u20682041-A\u2069 בסך")
    by_hand = _png(tmp_path, head + "חשבונית #text(dir: ltr)[\u20662041-A\u2069] בסך")
    bare = _png(tmp_path, head + "חשבונית 2041-A בסך")
    assert isolated == by_hand
    assert isolated != bare


def _png(folder: Path, source: str, **inputs: str) -> bytes:
    path = folder / "line.typ"
    path.write_text(source, encoding="utf-8")
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[TEMPLATES / "fonts"]
    )
    made = typst.Compiler(path, font_paths=fonts, ignore_system_fonts=True).compile(
        format="png", sys_inputs=inputs
    )
    assert isinstance(made, bytes)
    return made


def test_hebrew_runs_from_the_right() -> None:
    """The same paper in Hebrew is not the English one: its margin of text is at the other side."""
    english, hebrew = one_of_each("en"), one_of_each("he", creditor_language="he")
    for kind in english:
        assert pages(english[kind])[0] != pages(hebrew[kind])[0]


def test_two_languages_are_two_papers() -> None:
    """A reading copy begins on a page of its own."""
    assert len(pages(one_of_each("en")["plan"])) == 1
    assert len(pages(one_of_each("he", creditor_language="en")["plan"])) == 2


def test_a_long_statement_goes_over_pages() -> None:
    """500 movements: head of the table on each page, nothing lost, still accessible."""
    document = Documents().statement(a_statement(500), the_parties(), "en", MADE_ON)
    assert len(pages(document)) >= 10
    assert SETTER.set(question(document)).startswith(b"%PDF-")


def test_long_names_break_and_stay_on_the_sheet() -> None:
    """A name of 300 letters without a space costs no page and no error."""
    assert len(pages(one_of_each("en", account="W" * 300)["receipt"])) == 1


def test_fonts_are_ours_and_free() -> None:
    """Both families in both weights, with their licence beside them; every letter we may need is there."""
    fonts = TEMPLATES / "fonts"
    assert {p.stem for p in fonts.glob("*.ttf")} == {
        "NotoSans-Regular", "NotoSans-Bold", "NotoSansHebrew-Regular", "NotoSansHebrew-Bold",
    }  # fmt: skip
    for family in ("NotoSans", "NotoSansHebrew"):
        assert "SIL Open Font License" in (fonts / f"{family}-OFL.txt").read_text(encoding="utf-8")


def test_old_documents_are_forgotten(tmp_path: Path) -> None:
    """What nobody asked for in thirty days is made again when somebody does."""
    for name in ("old", "new"):
        keep(tmp_path / name[:2] / f"{name}.pdf", b"x")
    newest = tmp_path / "ne" / "new.pdf"
    at = newest.stat().st_mtime - KEPT_SECONDS - 1
    os.utime(tmp_path / "ol" / "old.pdf", (at, at))
    assert forget_old(tmp_path, newest=newest) == 1
    assert [p.name for p in tmp_path.glob("??/*")] == ["new.pdf"]
