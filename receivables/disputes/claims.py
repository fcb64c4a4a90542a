"""What a dispute is about, and what it comes to: pure arithmetic over the lines of one document.

Source: issue of the portal, part 2: a line, a quantity, a price, the tax, an amount or the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from models.disputes import DisputeReason
from models.money import Money, round_to_minor
from receivables.errors import Refused


@dataclass(frozen=True, slots=True)
class LineClaim:
    """What is questioned of one line; the whole of it when nothing narrower is said.

    Attributes:
        position: of the line on the document.
        accepted: pieces that are accepted; the others are questioned.
        agreed: price for a piece that is accepted; what is above it is questioned.
        amount: with tax, when said outright.
    """

    position: int
    accepted: Decimal | None = None
    agreed: Decimal | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One dispute as its debtor means it: some lines, an amount, or (neither) the whole document."""

    reason: DisputeReason
    lines: tuple[LineClaim, ...] = ()
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line as the books have it; `gross` is its net with its tax.

    `contested` while an open dispute is about it, `answered` once one of it was refused or upheld in
    part: new evidence reopens the refused one, once.
    """

    line_id: int
    position: int
    description: str
    quantity: str
    unit_price: str
    gross: Money
    tax: Money
    contested: bool = False
    answered: bool = False

    @property
    def may_be_disputed(self) -> bool:
        """An allowance on a line of its own cannot; nor can what is disputed already."""
        return self.gross.minor > 0 and not self.contested and not self.answered


@dataclass(frozen=True, slots=True)
class Contest:
    """What a claim comes to: `parts` are line ids with their amounts and sum to `amount`, or are empty."""

    amount: Money
    parts: Mapping[int, Money] = field(default_factory=dict)


def tax_shares(nets: Sequence[int], taxes: Sequence[int], tax_minor: int) -> list[int]:
    """Return the tax of each line; where the document has it in one sum, its share by net, rounded down.

    >>> tax_shares([1000, 500], [0, 0], 300)
    [200, 100]
    >>> tax_shares([1000, 500], [200, 0], 200)
    [200, 0]
    """
    positive = sum(net for net in nets if net > 0)
    if any(taxes) or not tax_minor or not positive:
        return list(taxes)
    return [tax_minor * net // positive if net > 0 else 0 for net in nets]


def weigh(
    claim: Claim, lines: Sequence[LineFacts], open_part: Money, *, tax: Money, taken: Collection[int] = ()
) -> Contest:
    """Return what a claim contests of what is open and not contested yet.

    A whole line or document of which a part is paid contests the part that is open.

    Args:
        lines: all of the document.
        open_part: of the document, less what is on its way or contested.
        tax: of the whole document.
        taken: ids of lines that an open dispute is about.
    Raises:
        Refused: nothing_to_question; line_unknown, line_twice, line_contested, line_answered,
            accepted_not_less, agreed_not_less, amount_zero, amount_above_line, amount_above_open; with
            `position` where one line is meant and `most` where an amount is too large.
    """
    by_position = {line.position: line for line in lines}
    for said in claim.lines:  # first: the other form of two may have taken all that is open
        if (line := by_position.get(said.position)) is not None and line.line_id in taken:
            raise Refused("line_contested", position=said.position)
    if open_part.minor <= 0:
        raise Refused("nothing_to_question")
    if not claim.lines:
        return Contest(_of_document(claim, open_part, tax))
    parts: dict[int, Money] = {}
    left = open_part
    for said in claim.lines:
        line = by_position.get(said.position)
        if line is None or line.gross.minor <= 0:
            raise Refused("line_unknown", position=said.position)
        if line.line_id in parts:
            raise Refused("line_twice", position=said.position)
        if line.answered:
            raise Refused("line_answered", position=said.position)
        part = _of_line(said, line, claim.reason)
        if part > left and said.amount is not None:
            raise Refused("amount_above_open", position=said.position, most=left)
        part = min(part, left)
        if part.minor <= 0:
            raise Refused("nothing_to_question", position=said.position)
        parts[line.line_id] = part
        left = left - part
    return Contest(open_part - left, parts)


def _of_document(claim: Claim, open_part: Money, tax: Money) -> Money:
    if claim.amount is not None:
        _refuse_nil(claim.amount)
        if claim.amount > open_part:
            raise Refused("amount_above_open", most=open_part)
        return claim.amount
    by_tax = claim.reason is DisputeReason.WRONG_TAX and tax.minor > 0
    return min(tax, open_part) if by_tax else open_part


def _of_line(said: LineClaim, line: LineFacts, reason: DisputeReason) -> Money:
    at = {"position": said.position}
    if said.amount is not None:
        _refuse_nil(said.amount, **at)
        if said.amount > line.gross:
            raise Refused("amount_above_line", most=line.gross, **at)
        return said.amount
    if said.accepted is not None:
        return _beyond(said.accepted, line.quantity, line.gross, Refused("accepted_not_less", **at))
    if said.agreed is not None:
        return _beyond(said.agreed, line.unit_price, line.gross, Refused("agreed_not_less", **at))
    return line.tax if reason is DisputeReason.WRONG_TAX and line.tax.minor > 0 else line.gross


def _beyond(accepted: Decimal, billed: str, gross: Money, refusal: Refused) -> Money:
    """The share of a line's gross that lies beyond what is accepted of its quantity or price."""
    try:
        whole = Decimal(billed)
    except InvalidOperation:
        raise refusal from None
    if not 0 <= accepted < whole:
        raise refusal
    beyond = Money(round_to_minor(gross.decimal * (whole - accepted) / whole, gross.currency), gross.currency)
    if beyond.minor <= 0:
        raise refusal
    return beyond


def _refuse_nil(amount: Money, **at: int) -> None:
    if amount.minor <= 0:
        raise Refused("amount_zero", **at)


def lowered(parts: Mapping[int, Money], to: Money) -> dict[int, Money]:
    """Return the parts cut so that they sum to at most `to`, the first ones kept whole."""
    kept: dict[int, Money] = {}
    left = to
    for line_id, part in parts.items():
        if left.minor > 0:
            kept[line_id] = min(part, left)
            left = left - kept[line_id]
    return kept
