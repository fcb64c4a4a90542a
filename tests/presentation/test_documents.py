"""What the press is given: words and values as the reader writes them, each value set apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.money import Money
from presentation import LANGUAGES
from presentation.documents import Documents
from receivables.documents.data import BranchSection, CurrencyTotal, GroupStatement, Member
from receivables.invoices import MovementRow, Referred
from receivables.ports import FeeBasis, LineRow, Sheet
from tests.presentation.papers import (
    MADE_ON,
    a_plan,
    a_receipt,
    a_statement,
    an_invoice,
    an_offer,
    gbp,
    one_of_each,
    the_parties,
)

DOCUMENTS = Documents()
FSI, PDI = "\u2068", "\u2069"


def strings(value: Any) -> Iterator[str]:
    """Every string of a document's data, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)


def only(document: Any) -> dict[str, Any]:
    (paper,) = document.data["papers"]
    return dict(paper)


def test_a_statement_in_english() -> None:
    """Golden: opening, movements with their documents, closing, what is open and how old it is."""
    document = DOCUMENTS.statement(a_statement(), the_parties(), "en", MADE_ON)
    paper = only(document)
    assert document.title == "Statement of account, 01/09/2026 to 21/11/2026"
    assert paper["amount"] == "£326.00"
    assert paper["movements"]["opening"] == ["Balance brought forward", "150.00"]
    assert paper["movements"]["rows"] == [
        ["01/09/2026", {"value": "Invoice 2041-0-A", "note": ""}, "576.00", "", "726.00"],
        ["02/09/2026", {"value": "Payment PC-2026-000001", "note": "for 2041-0-A"}, "", "400.00", "326.00"],
    ]
    assert paper["movements"]["closing"] == ["Balance on 21 November 2026", "576.00", "400.00", "326.00"]
    assert paper["items"]["rows"] == [
        ["Invoice 2041-0-A", "01/09/2026", "01/10/2026", "51", "576.00", "326.00"]
    ]
    assert paper["ages"]["row"] == ["0.00", "0.00", "326.00", "0.00", "0.00"]
    assert paper["foot"] == (
        "Northgate Paper & Print Ltd · 14 Weir Street, Leeds LS2 7QA · Company 04417822 · VAT GB 812 4410 27"
    )


def test_nobody_is_shown_a_negative_balance() -> None:
    """tone.md section 9: credit in your favour, with the amount as it is."""
    paper = only(DOCUMENTS.statement(a_statement(closing=gbp(-1250)), the_parties(), "en", MADE_ON))
    assert paper["amount"] == {"value": "£12.50", "note": "in your favour"}
    assert paper["movements"]["closing"][-1] == {"value": "12.50", "note": "in your favour"}


def test_an_invoice_is_a_copy_of_data_and_adds_up() -> None:
    """Decision 4; every term from the lines to what is open, tax by its rate."""
    paper = only(DOCUMENTS.invoice(an_invoice(), the_parties(), "en"))
    assert paper["notice"].startswith("Copy of data.")
    assert paper["sums"] == [
        ["Net", "£702.00"], ["Loyalty", "−£5.00"], ["Carriage", "£5.00"], ["VAT 20%", "£140.40"],
    ]  # fmt: skip
    assert paper["total"] == ["Total", "£842.40"]
    assert paper["after"] == [["Paid on 2 November 2026, confirmation PC-2026-000123", "−£200.00"]]
    assert paper["rest"] == ["Still open on 21 November 2026", "£642.40"]
    assert paper["lines"]["rows"][0] == [
        {"value": "Autumn menus", "note": "P-1"}, "1,200", "0.325", "390.00",
    ]  # fmt: skip


def test_a_fee_says_what_it_was_worked_out_from() -> None:
    """Domain, "Arrangements": rate, base, days and legal basis below the line; the invoice that it is for."""
    basis = FeeBasis(gbp(120000), "8.5", 32, date(2026, 1, 15), date(2026, 2, 15))
    fee = an_invoice(
        lines=[
            LineRow(1, None, "Interest", "1", "8.94", gbp(894), gbp(0), None, basis, "Terms, section 6"),
            LineRow(2, "F2", "Handling", "1", "5", gbp(500), gbp(0), None,
                    FeeBasis(gbp(10000), "5", None, None, None)),
        ],
        refers_to=Referred("x", "2041-A"),
    )  # fmt: skip
    paper = only(DOCUMENTS.invoice(fee, the_parties(), "en"))
    assert ["Refers to", "2041-A"] in paper["facts"]
    assert [row[0]["note"] for row in paper["lines"]["rows"]] == [
        "8.5% a year on £1,200.00 · 32 days · 15 January 2026 to 15 February 2026"
        " · Legal basis: Terms, section 6",
        "F2 · 5% on £100.00",
    ]


def a_group() -> GroupStatement:
    """A head office with a branch that owes and one that has paid too much."""
    head, north, south = (
        Member(name.lower(), f"Tidewater {name}", number, name == "Head")
        for name, number in (("Head", "1"), ("North", "2"), ("South", "3"))
    )
    owing, over = a_statement(), a_statement(closing=gbp(-1250))
    sections = [BranchSection(north, [owing]), BranchSection(south, [over])]
    sums = CurrencyTotal(
        "GBP", owing.opening + over.opening, owing.charged + over.charged, owing.settled + over.settled,
        owing.closing + over.closing, owing.credit + over.credit,
    )  # fmt: skip
    members = [head, north, south]
    return GroupStatement(owing.from_on, owing.to_on, members, ["north", "south"], sections, [sums])


def test_a_head_office_reads_totals_then_each_branch() -> None:
    """Part 7: the sums by branch on the first sheet, then each branch as it reads its own."""
    document = DOCUMENTS.group_statement(a_group(), the_parties(), "en", MADE_ON)
    totals, north, south = document.data["papers"]
    (group,) = totals["groups"]
    assert [row[0] for row in group["rows"]] == [
        {"value": "Tidewater North", "note": "2"}, {"value": "Tidewater South", "note": "3"},
    ]  # fmt: skip
    assert group["rows"][0][-1] == "326.00"
    assert group["rows"][1][-1] == {"value": "12.50", "note": "in your favour"}
    assert group["total"][-1] == "313.50"
    assert north["to"] == ["Tidewater North", "Account 2"]
    own = only(DOCUMENTS.statement(a_statement(), the_parties(), "en", MADE_ON))
    assert north == {**own, "to": north["to"]}
    assert south["to"] == ["Tidewater South", "Account 3"]


def test_a_statement_of_one_branch_has_no_totals() -> None:
    found = a_group()
    one = replace(found, chosen=["north"], sections=found.sections[:1])
    paper = only(DOCUMENTS.group_statement(one, the_parties(), "en", MADE_ON))
    assert paper["to"][0] == "Tidewater North"
    assert "groups" not in paper


def test_a_sheet_of_branches_tells_them_apart() -> None:
    sheet = DOCUMENTS.group_sheet(a_group(), "en")
    assert sheet.header[:2] == ["Branch", "Account number"]
    assert {(row[0], row[1]) for row in sheet.rows} == {("Tidewater North", "2"), ("Tidewater South", "3")}
    assert all(len(row) == len(sheet.header) for row in sheet.rows)


def test_what_reduced_an_invoice_is_named_by_its_kind() -> None:
    """A discount or tax withheld has no number of its own."""
    movements = [
        MovementRow("withholding_tax", "", date(2026, 11, 3), gbp(100)),
        MovementRow("credit_note", "CN-1", date(2026, 11, 4), gbp(200)),
    ]
    paper = only(DOCUMENTS.invoice(an_invoice(movements=movements), the_parties(), "en"))
    assert paper["after"] == [
        ["Tax withheld of 3 November 2026", "−£1.00"],
        ["Credit note CN-1 of 4 November 2026", "−£2.00"],
    ]


def test_tax_that_the_lines_do_not_tell_is_one_sum() -> None:
    """Lines whose taxes do not add up to the document's are not taken for its rates."""
    paper = only(DOCUMENTS.invoice(an_invoice(tax=gbp(14039)), the_parties(), "en"))
    assert paper["sums"][-1] == ["VAT", "£140.39"]


def test_a_receipt_is_no_tax_document() -> None:
    """Decision 4: a payment confirmation, with what it paid and what stays in favour."""
    paper = only(DOCUMENTS.receipt(a_receipt(), the_parties(), "en"))
    assert paper["heading"] == "Payment confirmation"
    assert "not a tax document" in paper["words"]
    assert paper["shares"]["rows"] == [["2041-A", "£576.00"], ["2042", "£242.40"]]
    assert paper["shares"]["rest"] == ["Stays in your favour", "£200.00"]
    assert only(DOCUMENTS.receipt(a_receipt(rest=gbp(0)), the_parties(), "en"))["shares"]["rest"] is None


def test_an_agreement_says_what_holds() -> None:
    """Part 3: every date and amount, the rules that hold, who accepted under which name and role."""
    paper = only(DOCUMENTS.plan(a_plan(), the_parties(), "en"))
    assert paper["heading"] == "Agreement to pay in 3 parts"
    assert [row[2] for row in paper["schedule"]["rows"]] == ["£472.80"] * 3
    agreed = " ".join(paper["agreed"])
    for part in ("No fee and no interest", "One date may be moved, by up to 14 days", "3 and 5", "7 days"):
        assert part in agreed
    assert paper["accepted"] == (
        "Signed for Tidewater Café & Bakery Ltd by typed name: Helen Marsh, Owner, on"
        " 21 November 2026, 10:05."
    )
    assert paper["sign"] == []


def test_rules_that_a_plan_does_not_have_are_not_promised() -> None:
    """C-10: no word about fees where one is charged, none of moving or asking again where there is none."""
    rules = {**a_plan().rules, "fee_percent": 2, "moves": 0, "retry_days": []}
    agreed = " ".join(only(DOCUMENTS.plan(a_plan(rules=rules), the_parties(), "en"))["agreed"])
    assert "fee" not in agreed
    assert "moved" not in agreed
    assert "asked for again" not in agreed


def test_a_draft_has_lines_to_sign() -> None:
    """Nothing agreed: said so, and two lines for pen and ink."""
    for document in (
        DOCUMENTS.plan(a_plan(accepted=None), the_parties(), "en"),
        DOCUMENTS.offer(an_offer(accepted=None), the_parties(), "en"),
    ):
        paper = only(document)
        assert paper["notice"] == "Draft. Nothing is agreed until it has been accepted."
        assert len(paper["sign"]) == 2
        assert paper["accepted"] == ""


def test_a_settlement_says_what_remains_owed() -> None:
    """C-10: what is paid, what is given up, and that the whole stays owed until the money is in."""
    paper = only(DOCUMENTS.offer(an_offer(), the_parties(), "en"))
    agreed = " ".join(paper["agreed"])
    assert "£1,205.64" in agreed
    assert "£212.76 is written off and nothing more is owed on these 2 invoices" in agreed
    assert "Until then the whole balance of £1,418.40 stays owed" in agreed


@pytest.mark.parametrize(
    ("status", "notice"),
    [
        ("active", ""),
        ("defaulted", ""),
        ("completed", ""),
        ("awaiting_approval", "Signed request. It becomes an agreement when Northgate"),
        ("declined", "This never became an agreement."),
        ("cancelled", "This agreement has ended."),
    ],
)
def test_a_paper_says_how_it_stands(status: str, notice: str) -> None:
    """A signature alone is no agreement while a person still has to approve it."""
    found = only(DOCUMENTS.plan(a_plan(status=status), the_parties(), "en"))["notice"]
    assert found.startswith(notice)
    assert bool(found) == bool(notice)


def test_the_words_that_were_signed_are_the_words_on_paper() -> None:
    """C-04: in the signer's language word for word; in the other one by the same frozen rules."""
    plan = a_plan(words=("Exactly this was shown.",), words_language="he")
    contract, copy = DOCUMENTS.plan(plan, the_parties(), "he").data["papers"]
    assert [line.strip(FSI + PDI) for line in copy["agreed"]] == ["Exactly this was shown."]
    assert len(contract["agreed"]) == 8


def test_the_creditors_language_binds_and_the_readers_is_a_copy() -> None:
    """Part 3: two papers when the languages differ, one when they are the same."""
    document = DOCUMENTS.plan(a_plan(), the_parties(creditor_language="hu"), "he")
    contract, copy = document.data["papers"]
    assert (contract["language"], copy["language"], copy["direction"]) == ("hu", "he", "rtl")
    assert contract["notice"] == ""
    assert "עברית" in copy["notice"]
    assert "Magyar" in copy["notice"]
    assert document.language == "hu"
    assert len(DOCUMENTS.plan(a_plan(), the_parties(creditor_language="he"), "he").data["papers"]) == 1


@pytest.mark.parametrize("kind", ["statement", "invoice", "receipt", "plan", "offer"])
def test_every_value_in_hebrew_stands_by_itself(kind: str) -> None:
    """tone.md section 9: names, numbers, days and amounts between FSI and PDI, and each pair closed."""
    document = one_of_each("he", creditor_language="he")[kind]
    for text in strings(only(document)):
        depth = 0
        for letter in text:
            depth += (letter == FSI) - (letter == PDI)
            assert depth in (0, 1), text
        assert depth == 0, text
        outside = "".join(part.rpartition(PDI)[2] for part in f"{PDI}{text}".split(FSI))
        for value in ("Tidewater", "Northgate", "2041", "PC-2026", "Helen", "0113"):
            assert value not in outside, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_data_is_plain_json_and_the_same_each_time(language: str) -> None:
    """What the press is asked decides the file: strings, nothing of the moment, round trip exact."""
    first, second = one_of_each(language), one_of_each(language)
    for kind, document in first.items():
        assert document == second[kind]
        assert json.loads(json.dumps(document.data)) == document.data


def test_a_name_cannot_turn_the_line_around() -> None:
    """Direction overrides and line ends in somebody's name are dropped before it is set apart."""
    document = one_of_each("en", account="Evil\u202e\u2066 Ltd\nPaid in full")["statement"]
    assert only(document)["to"][0] == "Evil Ltd Paid in full"


def test_a_sheet_holds_values_not_words() -> None:
    """X-01: amounts stay amounts, days stay days; balances run from opening to closing."""
    sheet = DOCUMENTS.statement_sheet(a_statement(), "he")
    assert isinstance(sheet, Sheet)
    assert sheet.right_to_left
    assert all(len(row) == len(sheet.header) for row in sheet.rows)
    assert [row[6] for row in sheet.rows] == [gbp(15000), gbp(72600), gbp(32600), gbp(32600)]
    assert sheet.rows[1][0] == date(2026, 9, 1)
    assert sheet.rows[2][3] == "2041-0-A"
    assert sheet.rows[2][5] == Money(40000, "GBP")
    assert not DOCUMENTS.statement_sheet(a_statement(), "ru").right_to_left


def test_a_calendar_names_each_part_once() -> None:
    """Part 3: key of the instalment, so that a second import moves the day instead of doubling it."""
    name, entries = DOCUMENTS.plan_calendar(a_plan(), the_parties(), "en", "https://pay.example/account")
    assert name == "Payments to Northgate Paper & Print Ltd"
    assert [entry.key for entry in entries] == ["i1", "i2", "i3"]
    assert entries[0].summary == "Pay £472.80 to Northgate Paper & Print Ltd, part 1 of 3"
    assert entries[0].words.endswith("\nhttps://pay.example/account")
    card = DOCUMENTS.plan_calendar(replace(a_plan(), pays_by="card"), the_parties(), "en", "x")[1]
    assert "saved card is charged" in card[0].words
