"""The demo's letters, charges and hand-overs: written, printed, posted, come back; issued, placed, paid.

Each is one act of a scene of the ladder (demo_ladder.py). Source: decision 27; issue of the ladder.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.demo_stage import Stage
from models.accounts import Account, Segment
from models.costs import Charge
from models.handovers import Handler, HandlerKind, Handover
from models.money import Money
from models.post import PostBatch, PostLetter
from models.staff import Role
from models.states import PostStatus
from receivables.costs import charges, rates
from receivables.handovers import case_files, placing, remittances
from receivables.handovers.handlers import HandlerFacts
from receivables.post import printing, queueing
from receivables.segments import moving

AGENCY, LAW_FIRM = "Wharfedale Credit Services Ltd", "Pennywhistle & Oakes Solicitors LLP"
#: Who takes cases in the demo.
HANDLERS = (
    HandlerFacts(
        HandlerKind.AGENCY,
        AGENCY,
        "3 Tannery Yard\nBradford BD1 4QX",
        "01274 496 0180",
        "cases@wharfedale.example",
        "GB",
        "15",
        "No collection, no fee. Reports on the first working day of each month.",
    ),
    HandlerFacts(
        HandlerKind.LAWYER,
        LAW_FIRM,
        "21 Assize Court\nLeeds LS1 3ZZ",
        "0113 496 0190",
        "debts@pennywhistle.example",
        "GB EE HU",
        "8.5",
        "Letter before action at a fixed price; court only after our word.",
    ),
)


# --------------------------------------------------------------------------- letters


def letter(kind: str) -> Callable[[Stage], object]:
    """A collector writes a letter on paper."""

    def act(stage: Stage) -> None:
        person, currency = stage.desk(Role.COLLECTOR), stage.player.currency

        def unit(session: Session) -> None:
            account = session.get_one(Account, stage.account.id)
            queueing.queue_letter(session, person, account, kind=kind, currency=currency, now=stage.at)

        stage.house.store.run(unit)

    return act


def print_letters(stage: Stage) -> None:
    """The letters of the account that wait are printed; each is a batch of its own."""
    person, house = stage.desk(Role.COLLECTOR), stage.house
    with house.store.read() as session:
        query = select(PostLetter.ref).where(
            PostLetter.account_id == stage.account.id, PostLetter.status == PostStatus.WAITING
        )
        refs = session.scalars(query).all()
    for ref in refs:
        ready = house.store.run(partial(printing.prepare, actor=person, refs=[ref], now=stage.at))
        for paper in ready.papers:
            pressed = house.press.press(house.documents.letter(paper), timeout=60)
            kept = printing.keep(house.files, pressed, {paper.ref: pressed})
            house.store.run(partial(printing.print_batch, actor=person, batch=kept, now=stage.at))


def post_letters(stage: Stage) -> None:
    """What is printed for the account is taken to the post on the same day."""
    person = stage.desk(Role.COLLECTOR)
    print_letters(stage)

    def unit(session: Session) -> None:
        query = select(PostBatch).join(PostLetter, PostLetter.batch_id == PostBatch.id)
        printed = PostLetter.account_id == stage.account.id, PostLetter.status == PostStatus.PRINTED
        for batch in session.scalars(query.where(*printed)).unique().all():
            printing.mark_posted(session, person, batch, posted_on=stage.today, enclosed=True, now=stage.at)

    stage.house.store.run(unit)


def came_back(stage: Stage) -> None:
    """The letter is back; the desk looks for the debtor from now on."""
    person, reason = stage.desk(Role.COLLECTOR), "Az e-mail és a levél is visszajött, a telefon nem ismert."

    def unit(session: Session) -> None:
        posted = PostLetter.account_id == stage.account.id, PostLetter.status == PostStatus.POSTED
        for letter in session.scalars(select(PostLetter).where(*posted)).all():
            printing.mark_returned(session, person, letter, now=stage.at)
        account = session.get_one(Account, stage.account.id)
        moving.move(session, person, account, Segment.UNTRACEABLE, reason=reason, now=stage.at)

    stage.house.store.run(unit)


# --------------------------------------------------------------------------- charges and hand-overs


def agree_interest(stage: Stage) -> None:
    accountant, source = stage.desk(Role.ACCOUNTANT), "Supply agreement KC-2024, clause 9"
    stage.house.store.run(
        lambda s: rates.add_rate(
            s, accountant, f"{rates.AGREED}{stage.account.ref}", from_on=stage.today - timedelta(days=365),
            percent="12", source=source, now=stage.at,
        )
    )  # fmt: skip


def charge(stage: Stage) -> None:
    """Interest on three invoices: the first is issued, the second waived, the third waits."""
    accountant, collector = stage.desk(Role.ACCOUNTANT), stage.desk(Role.COLLECTOR)

    def unit(session: Session) -> None:
        account = session.get_one(Account, stage.account.id)
        proposed: list[Charge] = charges.propose_charges(
            session, accountant, account, stage.player.currency, today=stage.today, now=stage.at
        )
        charges.issue(session, accountant, proposed[0].ref, now=stage.at)
        reason = "Our delivery note went to the wrong kitchen; they heard of it late."
        charges.waive(session, collector, proposed[1].ref, reason=reason, now=stage.at)

    stage.house.store.run(unit)


def propose_case(reason: str) -> Callable[[Stage], object]:
    def act(stage: Stage) -> None:
        person = stage.desk(Role.COLLECTOR)

        def unit(session: Session) -> None:
            account = session.get_one(Account, stage.account.id)
            placing.propose(
                session, person, account, stage.player.currency, reason=reason, now=stage.at
            )  # fmt: skip

        stage.house.store.run(unit)

    return act


def prepare_case(stage: Stage) -> None:
    """A supervisor approves it for the agency, and its case file is made."""
    supervisor, house = stage.desk(Role.SUPERVISOR), stage.house

    def unit(session: Session) -> tuple[str, int]:
        agency = session.scalars(select(Handler.ref).where(Handler.name == AGENCY)).one()
        case = placing.prepare(session, supervisor, _case(session, stage).ref, agency, now=stage.at)
        return case.ref, case.version

    ref, version = house.store.run(unit)
    case_files.make(
        house.store, house.press, house.documents, house.exports, house.files, ref, at=version, now=stage.at
    )


def place_case(stage: Stage) -> None:
    supervisor = stage.desk(Role.SUPERVISOR)
    stage.house.store.run(
        lambda s: placing.place(s, supervisor, _case(s, stage).ref, stage.today, now=stage.at)
    )


def remit(stage: Stage) -> None:
    accountant = stage.desk(Role.ACCOUNTANT)
    stage.house.store.run(
        lambda s: remittances.record_remittance(
            s, accountant, _case(s, stage).ref, reference="WCS-1184",
            collected=Money(60000, stage.player.currency), valued_on=stage.today - timedelta(days=1),
            now=stage.at,
        )
    )  # fmt: skip


def _case(session: Session, stage: Stage) -> Handover:
    return session.scalars(select(Handover).where(Handover.account_id == stage.account.id)).one()
