"""What a claim comes to, in the accountant's numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from models.disputes import DisputeReason
from models.money import Money
from receivables.disputes.claims import Claim, LineClaim, LineFacts, lowered, tax_shares, weigh
from receivables.errors import Refused

OPEN = Money(47400, "GBP")
TAX = Money(7900, "GBP")
#: 1,000 sleeves at 0.062 and 12 cartons at 25.83, VAT of 20 % on each.
LINES = [
    LineFacts(11, 1, "Cup sleeves", "1000", "0.062", Money(7440, "GBP"), Money(1240, "GBP")),
    LineFacts(12, 2, "Napkins", "12", "25.833", Money(37200, "GBP"), Money(6200, "GBP")),
    LineFacts(13, 3, "Loyalty", "1", "-2", Money(-240, "GBP"), Money(-40, "GBP")),
]


def come_to(
    *lines: LineClaim, reason: DisputeReason = DisputeReason.DAMAGED, **more: object
) -> dict[int, int]:
    contest = weigh(Claim(reason, lines), LINES, more.get("open_part", OPEN), tax=TAX)  # type: ignore[arg-type]
    assert contest.amount.minor == sum(part.minor for part in contest.parts.values())
    return {line_id: part.minor for line_id, part in contest.parts.items()}


def test_a_line_is_contested_with_its_tax() -> None:
    assert come_to(LineClaim(1)) == {11: 7440}


def test_pieces_that_are_accepted_leave_the_others() -> None:
    """800 of 1,000 arrived: a fifth of £74.40."""
    assert come_to(LineClaim(1, accepted=Decimal(800))) == {11: 1488}
    assert come_to(LineClaim(1, accepted=Decimal(0))) == {11: 7440}


def test_a_price_that_was_agreed_leaves_what_is_above_it() -> None:
    """0.05 instead of 0.062: 12/62 of £74.40, half up."""
    assert come_to(LineClaim(1, agreed=Decimal("0.05"))) == {11: 1440}


def test_wrong_tax_contests_the_tax() -> None:
    assert come_to(LineClaim(2), reason=DisputeReason.WRONG_TAX) == {12: 6200}
    whole = weigh(Claim(DisputeReason.WRONG_TAX), LINES, OPEN, tax=TAX)
    assert whole.amount == TAX


def test_never_more_than_what_is_open() -> None:
    """M-12: a line of which a part is paid contests the open part; the rest of the form gets nothing."""
    assert come_to(LineClaim(1), LineClaim(2), open_part=Money(10000, "GBP")) == {11: 7440, 12: 2560}


def test_an_amount_or_the_whole() -> None:
    amount = Money(100, "GBP")
    assert weigh(Claim(DisputeReason.OTHER, amount=amount), LINES, OPEN, tax=TAX).amount == amount
    assert weigh(Claim(DisputeReason.NOT_OURS), LINES, OPEN, tax=TAX).amount == OPEN


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (Claim(DisputeReason.OTHER, amount=Money(47401, "GBP")), "amount_above_open"),
        (Claim(DisputeReason.OTHER, amount=Money(0, "GBP")), "amount_zero"),
        (Claim(DisputeReason.OTHER, (LineClaim(1, amount=Money(7441, "GBP")),)), "amount_above_line"),
        (Claim(DisputeReason.OTHER, (LineClaim(1, accepted=Decimal(1000)),)), "accepted_not_less"),
        (Claim(DisputeReason.OTHER, (LineClaim(1, agreed=Decimal("0.07")),)), "agreed_not_less"),
        (Claim(DisputeReason.OTHER, (LineClaim(3),)), "line_unknown"),
        (Claim(DisputeReason.OTHER, (LineClaim(9),)), "line_unknown"),
        (Claim(DisputeReason.OTHER, (LineClaim(1), LineClaim(1))), "line_twice"),
    ],
)
def test_each_refusal_has_its_name(claim: Claim, code: str) -> None:
    """Issue, "Bad input": disputing more than the line, a line twice."""
    with pytest.raises(Refused) as refused:
        weigh(claim, LINES, OPEN, tax=TAX)
    assert refused.value.code == code


def test_a_line_in_dispute_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        weigh(Claim(DisputeReason.OTHER, (LineClaim(1),)), LINES, OPEN, tax=TAX, taken={11})
    assert refused.value.code == "line_contested"


def test_nothing_open_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        weigh(Claim(DisputeReason.OTHER), LINES, Money(0, "GBP"), tax=TAX)
    assert refused.value.code == "nothing_to_question"


def test_tax_of_a_document_is_shared_by_net() -> None:
    """Decision 3: some documents print the tax in one sum."""
    assert tax_shares([1000, -200, 500], [0, 0, 0], 260) == [173, 0, 86]


def test_lowered_keeps_the_first_parts() -> None:
    parts = {1: Money(50, "GBP"), 2: Money(40, "GBP"), 3: Money(30, "GBP")}
    assert lowered(parts, Money(70, "GBP")) == {1: Money(50, "GBP"), 2: Money(20, "GBP")}
