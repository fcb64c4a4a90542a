"""The dashboard: key figures, tables and what its charts draw, for one creditor, currency and range.

Whoever reads figures sees all; a collector sees his own beside the team's totals and no colleague's
(no league table). Everything of past days is read from the days that are kept (days.py); what has no
past (plans at risk, prepayments that hang) is as of now. Source: issue D, part 12.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Instalment, Plan
from models.creditors import Creditor, CreditorBankAccount
from models.figures import FigureDay, FigureRun
from models.money import Money
from models.staff import Staff
from models.states import InstalmentStatus
from receivables.arrangements.at_risk import plans_at_risk
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.figures import formulas
from receivables.figures.days import NO_CURRENCY
from receivables.figures.facts import Facts, Span, month_of
from receivables.figures.formulas import BUCKETS, SELF_SERVICE
from receivables.figures.tables import FigureCell, FigureTable, Month, Said
from receivables.figures.targets import targets
from receivables.permissions import Actor, Permission, may, require
from receivables.policy import current_policy

#: Months of the small lines beside key figures and of the ageing, the last with the end of the range.
MONTHS = 6
#: Ready ranges; "" stands for days of one's own.
RANGES = ("month", "last_month", "half_year", "year")
#: Figures of which more is better; of the others less is.
MORE_IS_BETTER = frozenset({"cei", "kept", "self_service"})


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One figure with its past.

    Attributes:
        unit: "days" or "percent".
        value, earlier: of the range and of the one before; None with `why`, in a code.
        months: of the last months, oldest first; None where one cannot be worked out.
        part, whole: what a share was worked out from, where it counts things.
    """

    code: str
    unit: str
    value: Decimal | None
    why: str | None
    earlier: Decimal | None
    months: Sequence[Decimal | None]
    part: int | None = None
    whole: int | None = None

    @property
    def change(self) -> Decimal | None:
        return None if self.value is None or self.earlier is None else self.value - self.earlier

    @property
    def is_better(self) -> bool | None:
        """Whether it went the right way; None where it stood still or cannot be compared."""
        if not self.change:
            return None
        return (self.change > 0) is (self.code in MORE_IS_BETTER)


@dataclass(frozen=True, slots=True)
class Course:
    """What was collected in one month, day by day, against the straight line to its target.

    Attributes:
        sums: what was collected up to and with each day, as far as the month has come.
        days: of the whole month.
    """

    month: Month
    sums: Sequence[Money]
    days: int
    target: Money | None

    @property
    def ahead(self) -> Money | None:
        """What is collected beyond the straight line to the target; less than nothing where it is behind."""
        if self.target is None or not self.sums:
            return None
        due = self.target.minor * len(self.sums) // self.days
        return self.sums[-1] - Money(due, self.target.currency)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a dashboard can be about.

    Attributes:
        creditors: (ref, name) of each.
        currencies: codes with figures, or with a bank account before there are any.
    """

    creditors: Sequence[tuple[str, str]]
    currencies: Sequence[str]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything of one page.

    Attributes:
        taken_at: when the figures were last worked out; None: never, and all is empty.
        course: None where nothing was collected and no target is set.
    """

    creditor_ref: str
    creditor_name: str
    currency: str
    span: Span
    taken_at: datetime | None
    choice: Choice
    key: Sequence[KeyFigure]
    ageing: Sequence[tuple[Month, Sequence[Money]]]
    course: Course | None
    tables: Sequence[FigureTable]

    def table(self, code: str) -> FigureTable:
        """Return one table.

        Raises: NotFound.
        """
        for table in self.tables:
            if table.code == code:
                return table
        raise NotFound("not_found")


def span_of(name: str, today: date) -> Span:
    """Return the days of a ready range.

    Raises: NotFound.

    >>> span_of("last_month", date(2026, 3, 5)).days
    28
    """
    match name:
        case "month":
            return Span(today.replace(day=1), today)
        case "last_month":
            return month_of(today, 1)
        case "half_year":
            return Span(month_of(today, MONTHS - 1).first, today)
        case "year":
            return Span(month_of(today, 11).first, today)
    raise NotFound("not_found")


def dashboard(
    session: Session,
    actor: Actor,
    *,
    creditor_ref: str | None,
    currency: str | None,
    span: Span,
    now: datetime,
) -> Dashboard:
    """Return the dashboard of one creditor and currency.

    Args:
        creditor_ref, currency: None for the first there is.
    Raises:
        NotAllowed: the actor reads no figures.
        NotFound: no such creditor, or no such currency with it.
        Refused: no_books: nothing was imported yet.
    """
    require(actor, Permission.FIGURES_READ_OWN)
    creditor, choice = _chosen(session, creditor_ref)
    code = currency or choice.currencies[0]
    if code not in choice.currencies:
        raise NotFound("not_found")
    months = [month_of(span.last, back) for back in reversed(range(MONTHS))]
    months[-1] = Span(months[-1].first, span.last)
    first = min(span.before.first, months[0].first) - timedelta(days=1)
    facts = Facts(session, creditor.id, code, Span(first, span.last))
    aims = targets(session, creditor.id, code, span.first, span.last)
    own = None if may(actor, Permission.FIGURES_READ) else str(actor.id)
    key = [_key_figure(name, facts, span, months) for name in _KEY]
    ageing = [(Month(m.first), _stood(facts, m.last)) for m in months if facts.ageing(m.last) is not None]
    tables = [
        _key_table(key), _ageing_table(ageing), _collected_table(facts, span, aims), _ways(facts, span),
        _promises(facts, span), _rungs(facts, span), _again(facts, span),
    ]  # fmt: skip
    if own is not None:
        tables.insert(1, _team(facts, span, own))
    else:
        names = _names(session)
        tables += [
            _at_risk(session, creditor, code, now), _sold(facts, span, names), _signed(facts, span, names),
            _prepaid(facts, names), _exceptions(facts, span, names),
            _go_live(session, creditor, code, now),
        ]  # fmt: skip
    return Dashboard(
        creditor_ref=creditor.ref, creditor_name=creditor.name, currency=code, span=span,
        taken_at=facts.run.taken_at if facts.run else None, choice=choice, key=key, ageing=ageing,
        course=_course(facts, span, aims), tables=tables,
    )  # fmt: skip


def _chosen(session: Session, ref: str | None) -> tuple[Creditor, Choice]:
    creditors = session.scalars(select(Creditor).order_by(Creditor.id)).all()
    if not creditors and ref is None:
        raise Refused("no_books")
    creditor = next((c for c in creditors if ref in (None, c.ref)), None)
    if creditor is None:
        raise NotFound("not_found")
    kept = select(FigureDay.currency).where(
        FigureDay.creditor_id == creditor.id, FigureDay.currency != NO_CURRENCY, FigureDay.name == "ageing"
    )
    banked = select(CreditorBankAccount.currency).where(CreditorBankAccount.creditor_id == creditor.id)
    owed = session.execute(
        kept.add_columns(func.count()).group_by(FigureDay.currency).order_by(func.count().desc())
    )
    codes = [r.currency for r in owed] or sorted(session.scalars(banked))
    return creditor, Choice([(c.ref, c.name) for c in creditors], codes or [""])


def _names(session: Session) -> dict[str, str]:
    return {str(r.id): r.name for r in session.execute(select(Staff.id, Staff.name))}


def _person(names: dict[str, str], key: str) -> FigureCell:
    return names.get(key) or Said("figure_nobody", "")


# --------------------------------------------------------------------------- key figures

#: A figure of a span: (value, why not, part, whole).
_Worked = tuple[Decimal | None, str | None, int | None, int | None]


def _dso(facts: Facts, span: Span) -> _Worked:
    stood = facts.ageing(span.last)
    if stood is None:
        return None, "before_kept", None, None
    value = formulas.dso(sum(stood.values()), facts.flow("sales", span)[0], span.days)
    return value, None if value is not None else "no_sales", None, None


def _add(facts: Facts, span: Span) -> _Worked:
    stood = facts.ageing(span.last)
    if stood is None:
        return None, "before_kept", None, None
    whole, sales = sum(stood.values()), facts.flow("sales", span)[0]
    value = formulas.average_days_delinquent(whole, stood["not_due"], sales, span.days)
    return value, None if value is not None else "no_sales", None, None


def _cei(facts: Facts, span: Span) -> _Worked:
    opened, closed = facts.ageing(span.first - timedelta(days=1)), facts.ageing(span.last)
    if opened is None or closed is None:
        return None, "before_kept", None, None
    sales = facts.flow("sales", span)[0]
    value = formulas.cei(sum(opened.values()), sales, sum(closed.values()), closed["not_due"])
    return value, None if value is not None else "nothing_collectable", None, None


def _kept(facts: Facts, span: Span) -> _Worked:
    part, whole = _judged(facts, span, "kept"), _judged(facts, span, "")
    value = formulas.share(part, whole)
    return value, None if value is not None else "none_judged", part, whole


def _judged(facts: Facts, span: Span, beginning: str) -> int:
    keys = [key for key in facts.keys("promises", span) if key.startswith(beginning)]
    return sum(facts.flow("promises", span, key)[1] for key in keys)


def _self_service(facts: Facts, span: Span) -> _Worked:
    part = sum(facts.flow("ways", span, way)[1] for way in SELF_SERVICE)
    whole = facts.flow("ways", span)[1]
    value = formulas.share(part, whole)
    return value, None if value is not None else "no_payments", part, whole


def _cycle(facts: Facts, span: Span) -> _Worked:
    minutes, number = facts.flow("disputes", span)
    value = formulas.cycle_days(minutes, number)
    return value, None if value is not None else "none_resolved", None, None


def _overdue_share(facts: Facts, span: Span) -> _Worked:
    stood = facts.ageing(span.last)
    if stood is None:
        return None, "before_kept", None, None
    whole = sum(stood.values())
    value = formulas.share(whole - stood["not_due"], whole)
    return value, None if value is not None else "nothing_open", None, None


_KEY: dict[str, tuple[str, Callable[[Facts, Span], _Worked]]] = {
    "dso": ("days", _dso),
    "cei": ("percent", _cei),
    "add": ("days", _add),
    "overdue_share": ("percent", _overdue_share),
    "kept": ("percent", _kept),
    "self_service": ("percent", _self_service),
    "cycle": ("days", _cycle),
}


def _key_figure(code: str, facts: Facts, span: Span, months: Sequence[Span]) -> KeyFigure:
    unit, work = _KEY[code]
    value, why, part, whole = work(facts, span)
    return KeyFigure(
        code, unit, value, why, work(facts, span.before)[0], [work(facts, m)[0] for m in months], part, whole
    )


def _key_table(key: Sequence[KeyFigure]) -> FigureTable:
    rows = [
        [Said("figure", k.code), k.value if k.value is not None else Said("figure_why", k.why or ""),
         Said("figure_unit", k.unit), k.earlier, k.change]
        for k in key
    ]  # fmt: skip
    return FigureTable("key", ("figure", "now", "unit", "before", "change"), rows)


# --------------------------------------------------------------------------- ageing and what was collected


def _stood(facts: Facts, day: date) -> list[Money]:
    stood = facts.ageing(day) or {}
    return [Money(stood.get(bucket, 0), facts.currency) for bucket in BUCKETS]


def _ageing_table(ageing: Sequence[tuple[Month, Sequence[Money]]]) -> FigureTable:
    rows: list[list[FigureCell]] = [
        [month, *amounts, sum(amounts[1:], amounts[0])] for month, amounts in ageing
    ]
    return FigureTable("ageing", ("month", *BUCKETS, "total"), rows, why=None if rows else "no_days")


def _collected_table(facts: Facts, span: Span, aims: dict[date, Money]) -> FigureTable:
    rows: list[list[FigureCell]] = []
    for month in span.months():
        collected, aim = facts.money("collected", month), aims.get(month.first.replace(day=1))
        rows.append([Month(month.first.replace(day=1)), collected, aim, collected - aim if aim else None])
    whole = facts.money("collected", span)
    aimed = Money(sum(aim.minor for aim in aims.values()), facts.currency) if len(aims) == len(rows) else None
    foot: list[FigureCell] = [Said("figure_column", "total"), whole, aimed, whole - aimed if aimed else None]
    return FigureTable("collected", ("month", "collected", "target", "difference"), rows, foot)


def _course(facts: Facts, span: Span, aims: dict[date, Money]) -> Course | None:
    month = month_of(span.last, 0)
    daily = facts.day_flow("collected", month)
    run, sums = 0, []
    for day in Span(month.first, span.last):
        run += daily.get(day, 0)
        sums.append(Money(run, facts.currency))
    target = aims.get(month.first)
    return Course(Month(month.first), sums, month.days, target) if run or target else None


def _team(facts: Facts, span: Span, own: str) -> FigureTable:
    """Own figures and those of all accounts together: no colleague's stand beside them."""

    def row(whose: str, key: str | None) -> list[FigureCell]:
        minor, number = facts.flow("collected", span, key)
        judged = {
            name: sum(
                facts.flow("promises", span, k)[1]
                for k in facts.keys("promises", span)
                if k.startswith(name) and key in (None, k.partition(":")[2])
            )
            for name in ("kept", "broken")
        }
        kept = formulas.share(judged["kept"], judged["kept"] + judged["broken"])
        return [Said("figure_whose", whose), Money(minor, facts.currency), number, judged["kept"],
                judged["broken"], kept]  # fmt: skip

    columns = ("whose", "collected", "payments", "promises_kept", "promises_broken", "kept_share")
    return FigureTable("team", columns, [row("own", own), row("team", None)])


# --------------------------------------------------------------------------- how it came


def _ways(facts: Facts, span: Span) -> FigureTable:
    whole = facts.flow("ways", span)[1]
    rows: list[list[FigureCell]] = []
    for way in ("page", "saved_card", "transfer", "other"):
        minor, number = facts.flow("ways", span, way)
        if number:
            work = Said("figure_work", "none" if way in SELF_SERVICE else "some")
            share = formulas.share(number, whole)
            rows.append([Said("figure_way", way), work, number, share, Money(minor, facts.currency)])
    foot = [Said("figure_column", "total"), None, whole, None, facts.money("ways", span)]
    columns = ("way", "our_work", "payments", "share", "amount")
    return FigureTable("ways", columns, rows, foot if rows else None, None if rows else "no_payments")


def _promises(facts: Facts, span: Span) -> FigureTable:
    rows: list[list[FigureCell]] = []
    whole = _judged(facts, span, "")
    for name in ("kept", "broken"):
        flows = [facts.flow("promises", span, k) for k in facts.keys("promises", span) if k.startswith(name)]
        number, minor = sum(n for _, n in flows), sum(m for m, _ in flows)
        rows.append(
            [
                Said("figure_outcome", name),
                number,
                formulas.share(number, whole),
                Money(minor, facts.currency),
            ]
        )
    columns = ("outcome", "number", "share", "amount")
    return FigureTable("promises", columns, rows if whole else [], why=None if whole else "none_judged")


def _rungs(facts: Facts, span: Span) -> FigureTable:
    whole = facts.flow("rungs", span)[0]
    rows: list[list[FigureCell]] = []
    for rung in sorted(facts.keys("rungs", span), key=lambda k: (k != "", -facts.flow("rungs", span, k)[0])):
        minor, number = facts.flow("rungs", span, rung)
        name = Said("rung", rung) if rung else Said("figure_nobody", "before")
        rows.append([name, number, Money(minor, facts.currency), formulas.share(minor, whole)])
    return FigureTable(
        "rungs", ("rung", "payments", "amount", "share"), rows, why=None if rows else "no_payments"
    )


def _again(facts: Facts, span: Span) -> FigureTable:
    closed, again = facts.flow("again", span, "closed")[1], facts.flow("again", span, "again")[1]
    rows: list[list[FigureCell]] = [
        [Said("figure_column", "closed"), closed, None],
        [Said("figure_column", "again"), again, formulas.share(again, closed)],
    ]
    columns = ("what", "number", "share")
    return FigureTable("again", columns, rows if closed else [], why=None if closed else "none_closed")


# --------------------------------------------------------------------------- by person


def _sold(facts: Facts, span: Span, names: dict[str, str]) -> FigureTable:
    keys = sorted({*facts.keys("sold", span), *facts.keys("sold_back", span)}, key=lambda k: names.get(k, ""))
    rows: list[list[FigureCell]] = []
    for key in keys:
        came, back = facts.money("sold", span, key), facts.money("sold_back", span, key)
        rows.append([_person(names, key), came, back, came - back])
    came, back = facts.money("sold", span), facts.money("sold_back", span)
    foot: list[FigureCell] | None = None
    if rows:
        foot = [Said("figure_column", "total"), came, back, came - back]
    columns = ("salesperson", "collected", "reversed", "net")
    return FigureTable("sold", columns, rows, foot, None if rows else "no_payments")


def _signed(facts: Facts, span: Span, names: dict[str, str]) -> FigureTable:
    """By who signed the customer: what fell due, what of it was not paid that day, and what was lost."""
    keys = {key for name in ("due", "lost") for key in facts.keys(name, span)}
    rows: list[list[FigureCell]] = []
    for key in sorted(keys, key=lambda k: names.get(k, "")):
        due, late = facts.money("due", span, key), facts.money("due_open", span, key)
        lost = facts.money("lost", span, key)
        rows.append(
            [_person(names, key), due, late, formulas.share(late.minor, due.minor), lost,
             formulas.share(lost.minor, due.minor)]
        )  # fmt: skip
    columns = ("salesperson", "due", "late", "late_share", "lost", "lost_share")
    return FigureTable("signed", columns, rows, why=None if rows else "nothing_due")


def _prepaid(facts: Facts, names: dict[str, str]) -> FigureTable:
    rows: list[list[FigureCell]] = []
    if facts.run is not None:
        last = Span(facts.run.last_on, facts.run.last_on)
        for key in sorted(facts.keys("prepaid", last), key=lambda k: names.get(k, "")):
            minor, number = facts.flow("prepaid", last, key)
            rows.append([_person(names, key), number, Money(minor, facts.currency)])
    columns = ("salesperson", "documents", "amount")
    return FigureTable("prepaid", columns, rows, why=None if rows else "no_prepayments")


def _exceptions(facts: Facts, span: Span, names: dict[str, str]) -> FigureTable:
    kinds = ("pause", "discount", "waiver", "override")
    people = {key.partition(":")[0] for key in facts.keys("exceptions", span)}
    rows: list[list[FigureCell]] = []
    for person in sorted(people, key=lambda p: names.get(p, "")):
        flows = [facts.flow("exceptions", span, f"{person}:{kind}") for kind in kinds]
        forgiven = Money(sum(minor for minor, _ in flows), facts.currency)
        rows.append([_person(names, person), *(number for _, number in flows), forgiven])
    columns = ("person", *kinds, "forgiven")
    return FigureTable("exceptions", columns, rows, why=None if rows else "no_exceptions")


# --------------------------------------------------------------------------- as of now


def _at_risk(session: Session, creditor: Creditor, currency: str, now: datetime) -> FigureTable:
    why = plans_at_risk(session, now=now)
    waits = Instalment.status.in_((InstalmentStatus.SCHEDULED, InstalmentStatus.MISSED))
    found = session.execute(
        select(
            Plan.id, Account.ref, Account.name, func.sum(Instalment.amount_minor).label("minor"),
            func.min(Instalment.due_on).label("next_on"),
        )
        .join(Account, Account.id == Plan.account_id)
        .join(Instalment, Instalment.plan_id == Plan.id)
        .where(Plan.id.in_(why), Account.creditor_id == creditor.id, Plan.currency == currency, waits)
        .group_by(Plan.id, Account.ref, Account.name)
        .order_by(func.sum(Instalment.amount_minor).desc(), Plan.id)
    ).all()  # fmt: skip
    rows = [
        [r.name, Said("plan_risk", why[r.id][0].value), Money(int(r.minor), currency), r.next_on]
        for r in found
    ]
    return FigureTable(
        "at_risk", ("account", "why", "left", "next"), rows, why=None if rows else "no_plans",
        links=[r.ref for r in found],
    )  # fmt: skip


def _go_live(session: Session, creditor: Creditor, currency: str, now: datetime) -> FigureTable:
    """The same number of days before and after the first day with Amicable, side by side."""
    rules = current_policy(session, now).figures
    columns = ("figure", "unit", "before", "after", "change")
    if not rules.go_live_on:
        return FigureTable("go_live", columns, [], why="no_go_live")
    day = date.fromisoformat(rules.go_live_on)
    today = business_date(now, creditor.zone)
    after = Span(day, min(day + timedelta(days=rules.compare_days - 1), today))
    before = Span(day - timedelta(days=rules.compare_days), day - timedelta(days=1))
    run = session.get(FigureRun, creditor.id)
    if run is None or run.first_on > before.first or after.days < 1:
        return FigureTable("go_live", columns, [], why="no_history")
    facts = Facts(session, creditor.id, currency, Span(before.first - timedelta(days=1), after.last))
    rows: list[list[FigureCell]] = []
    for code, (unit, work) in _KEY.items():
        was, is_now = work(facts, before)[0], work(facts, after)[0]
        change = is_now - was if was is not None and is_now is not None else None
        rows.append([Said("figure", code), Said("figure_unit", unit), was, is_now, change])
    return FigureTable("go_live", columns, rows)
