"""The gate against a judge that shares no code with it, on random lives of an account (INV-8, INV-9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact, DebtorType, FlagKind
from models.links import Channel
from models.messages import ContactDecision, Purpose
from models.pauses import Pause, PauseReason
from models.store import Store
from receivables import switches
from receivables.contact import calls, decisions
from receivables.contact import rules as contact_rules
from receivables.contact.rules import Decision
from receivables.permissions import SYSTEM
from tests.effort import EXAMPLES
from tests.oracles import contact_oracle as oracle
from tests.receivables.contact.gating import POLICY, an_account, asked, contacts_of, queued, said

PLACES = (
    ("Europe/London", "GB"), ("America/New_York", "US"), ("America/Phoenix", "US"), ("Asia/Jerusalem", "IL"),
)  # fmt: skip
#: Around the first day of New York's rule, the nights of the clocks, and the day a no reaches everything.
STARTS = (
    date(2026, 8, 29), date(2026, 10, 23), date(2026, 10, 30), date(2027, 1, 29), date(2027, 3, 12),
)  # fmt: skip
PURPOSES = (Purpose.REMINDER, Purpose.REMINDER, Purpose.ARRANGEMENT, Purpose.RECEIPT, Purpose.CODE)


#: First day after the start, and how many; None is open.
Days = tuple[int, int | None]
Flagged = list[tuple[str, Days]]
#: Reason, days, number of the contact, currency.
Paused = list[tuple[str, Days, int | None, str | None]]
Hours = tuple[int, int]


@dataclass(frozen=True)
class Try:
    """Something to be sent, said or switched, so many quarters of an hour after the start."""

    quarter: int
    what: str  # no, yes, stop, go, email, sms, call
    contact: int
    purpose: Purpose
    currency: str


tries = st.builds(
    Try,
    quarter=st.integers(0, 9 * 96),
    what=st.sampled_from(["email"] * 5 + ["sms"] * 3 + ["call"] * 4 + ["no", "yes", "yes", "stop", "go"]),
    contact=st.integers(0, 1),
    purpose=st.sampled_from(PURPOSES),
    currency=st.sampled_from(["GBP", "EUR"]),
)
spans = st.tuples(st.integers(-2, 9), st.one_of(st.none(), st.integers(0, 4)))
flags = st.lists(st.tuples(st.sampled_from([k.value for k in FlagKind]), spans), max_size=1)
pauses = st.lists(
    st.tuples(
        st.sampled_from([r.value for r in PauseReason if r is not PauseReason.HARDSHIP]),
        spans, st.sampled_from([None, None, 0, 1]), st.sampled_from([None, None, "GBP"]),
    ),
    max_size=2,
)  # fmt: skip


@given(
    place=st.sampled_from(PLACES), start=st.sampled_from(STARTS), private=st.booleans(), flags=flags,
    pauses=pauses, quiet=st.sampled_from([None, (12, 14), (18, 10)]),
    tries=st.lists(tries, min_size=4, max_size=24),
)  # fmt: skip
@settings(max_examples=EXAMPLES // 2, deadline=None)
def test_the_oracle_agrees_with_every_word_of_the_gate(
    shared_store: Store, place: tuple[str, str], start: date, private: bool, flags: Flagged,
    pauses: Paused, quiet: Hours | None,
    tries: list[Try],
) -> None:  # fmt: skip
    """INV-9: allowed by the gate is right by the oracle, forbidden is wrong by it; and C-04: each stored
    answer can be given again."""
    with shared_store.write() as s:
        life = Life(s, place, private, start)
        life.stands(flags, pauses, quiet)
        for attempt in sorted(tries, key=lambda t: (t.quarter, t.what in ("email", "sms", "call"))):
            life.play(attempt)
        switches.allow_sending(s, SYSTEM, reason="the next example", now=life.begin)
        assert oracle.violations(life.debtor, life.left) == []
        for kept in s.scalars(select(ContactDecision).where(ContactDecision.account_id == life.account.id)):
            assert list(decisions.again(s, kept).reasons) == kept.reasons


class Life:
    """One account: what stands about it, what is tried, and what the oracle is told of it."""

    def __init__(self, s: Session, place: tuple[str, str], private: bool, start: date) -> None:
        zone, country = place
        kind = DebtorType.PRIVATE_PERSON if private else DebtorType.BUSINESS
        self.s, self.begin = s, datetime(start.year, start.month, start.day, tzinfo=UTC)
        self.account: Account = an_account(s, zone=zone, country=country, debtor=kind, contacts=2)
        self.contacts: list[Contact] = contacts_of(s, self.account)
        self.debtor = oracle.Debtor(zone, country, private)
        self.left: list[oracle.Act] = []

    def stands(
        self, flags: Flagged,
        pauses: Paused, quiet: Hours | None,
    ) -> None:  # fmt: skip
        """Let flags, pauses and quiet hours of the first contact stand, here and with the oracle."""
        for kind, days in flags:
            first, end = self._days(days)
            self.s.add(
                AccountFlag(
                    account_id=self.account.id, kind=FlagKind(kind), from_on=first, to_on=end, source="x",
                    created_at=self.begin,
                )
            )  # fmt: skip
            self.debtor.flags.append(oracle.Span(kind, first, end))
        for number, (reason, days, whose, currency) in enumerate(pauses):
            first, end = self._days(days)
            contact = self.contacts[whose].id if whose is not None else None
            self.s.add(
                Pause(
                    account_id=self.account.id, reason=PauseReason(reason), from_on=first, to_on=end,
                    key=f"life:{self.account.id}:{number}", started_at=self.begin, contact_id=contact,
                    currency=currency,
                )
            )  # fmt: skip
            self.debtor.pauses.append(oracle.Span(reason, first, end, contact, currency))
        if quiet is not None:
            helen = self.contacts[0]
            helen.quiet_from, helen.quiet_to = (f"{hour:02}:00" for hour in quiet)
            self.debtor.quiet[helen.id] = (quiet[0] * 60, quiet[1] * 60)
        self.s.flush()

    def _days(self, days: Days) -> tuple[date, date | None]:
        first = self.begin.date() + timedelta(days=days[0])
        return first, first + timedelta(days=days[1]) if days[1] is not None else None

    def play(self, attempt: Try) -> None:
        """Do one thing: the gate's word must be the oracle's."""
        now = self.begin + timedelta(minutes=15 * attempt.quarter)
        contact = self.contacts[attempt.contact]
        match attempt.what:
            case "no" | "yes":
                channel = Channel.EMAIL if attempt.currency == "GBP" else Channel.SMS
                said(self.s, contact, channel, yes=attempt.what == "yes", now=now)
                word = oracle.Word(now, contact.id, channel.value, attempt.what == "yes")
                self.debtor.words.append(word)
            case "stop" | "go":
                self._switch(attempt.what == "stop", now)
            case _:
                self._send(attempt, contact, now)

    def _switch(self, stop: bool, now: datetime) -> None:
        """Stop all sending, or allow it again."""
        open_stop = bool(self.debtor.stopped) and self.debtor.stopped[-1][1] is None
        if stop is open_stop:
            return
        if stop:
            switches.stop_sending(self.s, SYSTEM, reason="a try", now=now)
            self.debtor.stopped.append((now, None))
        else:
            switches.allow_sending(self.s, SYSTEM, reason="a try", now=now)
            self.debtor.stopped[-1] = (self.debtor.stopped[-1][0], now)

    def _send(self, attempt: Try, contact: Contact, now: datetime) -> None:
        is_call = attempt.what == "call"
        act = oracle.Act(
            now, contact.id, attempt.what, "call" if is_call else attempt.purpose.value,
            None if is_call else attempt.currency, attempt.quarter % 2 == 0,
        )  # fmt: skip
        decision = self._ask(attempt, contact, now)
        against = oracle.wrong(self.debtor, act, self.left)
        assert decision.allowed is (not against), (decision, against)
        if is_call:
            if decision.allowed:
                outcome = "talked" if act.talked else "no_answer"
                calls.log_call(self.s, SYSTEM, contact, talked=act.talked, outcome=outcome, now=now)
        else:
            decisions.keep(self.s, self.account, contact, decision, now=now)
            if decision.allowed and attempt.purpose is Purpose.REMINDER:
                message = queued(
                    self.s, self.account, contact, now=now, channel=Channel(attempt.what),
                    currency=attempt.currency,
                )  # fmt: skip
                contact_rules.claim(self.s, message, decision, now=now)
        if decision.allowed:
            self.left.append(act)

    def _ask(self, attempt: Try, contact: Contact, now: datetime) -> Decision:
        if attempt.what == "call":
            return calls.may_call(self.s, self.account, contact, policy=POLICY, now=now)
        return asked(
            self.s, self.account, now=now, purpose=attempt.purpose, channel=Channel(attempt.what),
            currency=attempt.currency, contact=contact,
        )  # fmt: skip


def test_the_oracle_finds_what_is_wrong() -> None:
    """It is no yes-man: the same days with one act too many, at night, after a no, under a flag."""
    noon = datetime(2026, 11, 19, 17, tzinfo=UTC)
    debtor = oracle.Debtor("America/New_York", "US", True)
    debtor.words.append(oracle.Word(noon - timedelta(days=9), 1, "email", True))

    def mail(day: int, hours: int = 0) -> oracle.Act:
        return oracle.Act(noon + timedelta(days=day, hours=hours), 1, "email", "reminder", "USD")

    assert oracle.violations(debtor, [mail(0), mail(1), mail(2)]) == []
    found = oracle.violations(debtor, [mail(0), mail(1), mail(2), mail(3), mail(12, 10), mail(13), mail(13)])
    assert [against for _, against in found] == [{"cap"}, {"hours"}, {"twice a day"}]
    debtor.words.append(oracle.Word(noon + timedelta(days=20), 1, "email", False))
    debtor.flags.append(oracle.Span("bankruptcy", date(2026, 12, 20)))
    assert oracle.wrong(debtor, mail(21), []) == {"no", "consent"}
    assert "flag" in oracle.wrong(debtor, mail(40), [])
