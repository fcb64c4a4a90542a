"""What a fact about an account, or a pause, does to each act: the whole suppression matrix, one table.

The gate asks it before a message leaves or a call is made, the ladder before a rung acts, the plans
before a card is charged. The strictest of all that stand wins. What the debtor pays of his own free
will is always taken. Source: C-05; requirements.md 5, "Default suppression matrix"; decision 18.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.accounts import FlagKind
from models.pauses import PauseReason


class Act(StrEnum):
    """What we might do about an account."""

    REMINDER = "reminder"
    CALL = "call"
    #: Credit hold, formal warning, agency, court.
    ESCALATE = "escalate"
    #: A fee, or interest that runs.
    CHARGES = "charges"
    AUTOPAY = "autopay"
    #: A code, a fresh link, an answer: the reader's own act asked for it (decision 18).
    ANSWER = "answer"


class Word(StrEnum):
    """The matrix's word about an act."""

    ALLOWED = "allowed"
    #: A person looks first; nothing goes by itself.
    TASK = "task"
    BLOCKED = "blocked"


_ORDER = (Word.ALLOWED, Word.TASK, Word.BLOCKED)
#: An opt-out of a channel stands beside flags and pauses in the matrix.
OPTED_OUT = "opted_out"

#: Columns: the acts in the order of Act; "x" blocked, "t" a person first, "." allowed.
#: Charges that are held or stopped are blocked; "per contract" is allowed, the contract decides.
_MATRIX = """
    dispute               x t x x . .
    promise               x x x . . .
    plan                  x x x x . .
    debit_processing      x x x x x .
    chargeback            x t x x x .
    offer                 x x x x . .
    says_paid             x t x x . .
    awaiting_our_answer   x t x x . .
    document_requested    x t x x . .
    their_approval        x t x x . .
    withholding           x t x x . .
    hardship              x t x x . .
    wrong_contact         x x x x . .
    sales_talk            x x x x . .

    bankruptcy            x x x x x x
    breathing_space       x x x x x x
    mental_health_crisis  x x x x x x
    vulnerability         t t x t t .
    attorney              x x t . t x
    cease_request         x x t . . x
    deceased              x x x x x x
    minor                 x x x x x x
    wrong_party           x x x x x x
    legal_hold            . . . . . .

    opted_out             x . . . . .
"""
_SIGNS = {"x": Word.BLOCKED, "t": Word.TASK, ".": Word.ALLOWED}
TABLE: Mapping[str, Mapping[Act, Word]] = {
    line.split()[0]: dict(zip(Act, (_SIGNS[sign] for sign in line.split()[1:]), strict=True))
    for line in _MATRIX.strip().splitlines()
    if line.strip()
}


@dataclass(frozen=True, slots=True)
class Standing:
    """The word for each act, and the codes of what stands against it: "flag:attorney", "paused:plan"."""

    words: Mapping[Act, Word]
    why: Mapping[Act, tuple[str, ...]]

    def allows(self, act: Act) -> bool:
        """Whether an act may go by itself, without a person who looks first."""
        return self.words[act] is Word.ALLOWED


def word(cause: str, act: Act) -> Word:
    """Return the matrix's word about one act.

    Args:
        cause: value of a FlagKind or PauseReason, or OPTED_OUT.
    Raises:
        KeyError: the matrix does not know the cause: nothing is guessed.
    """
    return TABLE[cause][act]


def of(flags: Iterable[FlagKind], pauses: Iterable[PauseReason] = (), *, opted_out: bool = False) -> Standing:
    """Return what may be done while these flags and pauses stand; the strictest word of each act.

    Args:
        flags: those that hold today.
        pauses: those that hold today and cover what is acted upon: a dispute of one invoice stops
            that invoice, so its pause is given for it and not for the others.
        opted_out: of the channel that the reminder would take.

    >>> of({FlagKind.ATTORNEY}, {PauseReason.PROMISE}).words[Act.ESCALATE]
    <Word.BLOCKED: 'blocked'>
    """
    causes = [(kind.value, f"flag:{kind.value}") for kind in flags]
    causes += [(reason.value, f"paused:{reason.value}") for reason in pauses]
    causes += [(OPTED_OUT, OPTED_OUT)] if opted_out else []
    words, why = {}, {}
    for act in Act:
        against = [(word(cause, act), code) for cause, code in causes if word(cause, act) is not Word.ALLOWED]
        words[act] = max((w for w, _ in against), key=_ORDER.index, default=Word.ALLOWED)
        why[act] = tuple(dict.fromkeys(code for _, code in against))
    return Standing(words, why)
