"""Letters on paper in four languages: every fact in its place, absent ones closed up, accessible."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gateways.press import Setter
from presentation import LANGUAGES
from presentation.documents import Documents
from presentation.paper_letters import texts
from receivables.post.papers import KINDS
from tests.presentation.paper_letters import a_letter

SETTER = Setter()
FACTS = {
    "handover_to": "Wharfedale Collections", "handover_contact": "0113 496 0990",
    "handover_on": date(2026, 12, 18), "warning_on": date(2026, 11, 2),
}  # fmt: skip
FORMS = ["financial_statement", "information_sheet", "reply_form"]


def sheets(**more: Any) -> list[dict[str, Any]]:
    return [dict(sheet) for sheet in Documents().letter(a_letter(**more)).data["papers"]]


def said(sheet: dict[str, Any]) -> str:
    return "\n".join([sheet["heading"], *sheet["before"], *sheet["after"], *sheet["footer"]])


def test_an_official_letter_in_english() -> None:
    """Golden: the sum, the day, who to ring, counted up to, how to pay, the right to contest."""
    (sheet,) = sheets()
    assert sheet["heading"] == "Request for payment: £616.00, due on 30 October 2026"
    assert sheet["to"] == [
        "Tidewater Café & Bakery Ltd", "3 Harbour Row", "Whitby YO21 3PU", "Account 10024",
    ]  # fmt: skip
    assert sheet["before"][:2] == [
        "Dear Helen Marsh,",
        "According to our books £616.00 was due on 30 October 2026 and remains unpaid. "
        "We have written to you about it on 2 November 2026, 9 November 2026.",
    ]
    assert sheet["invoices"]["rows"] == [
        ["Invoice 2041-A", "30/09/2026", "30/10/2026", "£576.00"], ["Fee 2042-B", "02/11/2026", "", "£40.00"],
    ]  # fmt: skip
    assert sheet["invoices"]["total"] == ["In all", "", "", "£616.00"]
    text = said(sheet)
    for words in (
        "by 2 December 2026", "If you contest an invoice", "Payments received up to 19 November 2026",
        "Phone 0113 496 0142", "Monday to Friday, 9:00 to 17:00", "Maya Thornton", "Payment reference: 10024",
        "IBAN GB33BUKB20201555555555", "https://northgate.example/pay",
    ):  # fmt: skip
        assert words in text


def test_a_warning_in_hebrew_keeps_values_apart() -> None:
    """tone.md section 9: amounts and numbers stand between U+2068 and U+2069."""
    (sheet,) = sheets(kind="formal_warning", language="he", registered=True)
    text = said(sheet)
    assert sheet["direction"] == "rtl"
    assert sheet["registered"] == "בדואר רשום"
    assert "הצעד הבא הוא: העברת הטיפול לחברת גבייה" in text
    assert "\u2068https://northgate.example/pay\u2069" in text
    assert "\u20682 בדצמבר 2026\u2069" in text
    assert "616.00" in text


def test_absent_facts_close_up() -> None:
    """Nobody reads "on ." where nothing was written before, or no bank account is set up."""
    (sheet,) = sheets(previous=[], bank="")
    text = said(sheet)
    assert "written to you" not in text
    assert "Bank details" not in text
    assert "Payment reference: 10024" in text
    (sheet,) = sheets(hours={})
    assert "Phone 0113 496 0142" in said(sheet)


def test_a_reading_copy_says_what_binds() -> None:
    first, copy = sheets(language="en", reading_language="he")
    assert first["notice"] == ""
    assert (copy["language"], copy["direction"]) == ("he", "rtl")
    assert "English" in copy["notice"]


def test_a_letter_of_claim_names_its_enclosures() -> None:
    """England: information sheet, reply form, financial statement form."""
    (sheet,) = sheets(kind="claim_letter", enclosures=FORMS, next_step="court")
    assert sheet["enclosures"]["names"] == ["Financial Statement form", "Information Sheet", "Reply Form"]
    assert "the next step is: a claim at court" in said(sheet)
    (bare,) = sheets(kind="claim_letter")
    assert bare["enclosures"]["names"] == []
    assert "information sheet" not in said(bare)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_is_written_and_accessible(language: str) -> None:
    """PDF/UA-1: typst refuses what is not; no placeholder is left, and no court before the warning."""
    for kind in KINDS:
        document = Documents().letter(a_letter(kind=kind, language=language, facts=FACTS, enclosures=FORMS))
        text = said(document.data["papers"][0])
        assert "{" not in text, kind
        data = SETTER.set(
            {"kind": document.kind, "language": document.language, "title": document.title,
             "made_on": document.made_on.isoformat(), "data": document.data}
        )  # fmt: skip
        assert data.startswith(b"%PDF-")
        assert b"pdfuaid:part" in data
    assert set(texts(language)) == {"blocks", "next_step", "enclosures", *KINDS}


def test_several_letters_are_one_file() -> None:
    """A print batch: each letter with its copy, one after the other."""
    document = Documents().letters([a_letter(), a_letter(ref="letter-2", reading_language="hu")])
    assert [sheet["language"] for sheet in document.data["papers"]] == ["en", "en", "hu"]
