"""The rules of the house as data: read from the version in force, never from code.

`policy_default.toml` beside this file is version 1; later versions are rows (C-04).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.accounts import Segment
from models.base import UTCDateTime
from models.money import Money, currency_row
from models.pauses import PauseReason
from models.store import fetch
from models.work import PolicyKind, PolicyVersion

DEFAULT_BODY = (Path(__file__).parent / "policy_default.toml").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class StepUpRules:
    """When a one-time code is asked for, and its limits (decision 8, L-08)."""

    mode: str  # never, risky, always
    digits: int
    valid_minutes: int
    tries: int
    per_hour: int
    proof_minutes: int


@dataclass(frozen=True, slots=True)
class PromiseRules:
    """How far ahead a promise may be, how long it is waited for, and when it counts as kept."""

    horizon_days: int
    grace_business_days: int
    kept_percent: int
    changes: int
    least_percent: int


@dataclass(frozen=True, slots=True)
class PauseRules:
    """How long an honest answer makes us wait, in business days of the account's country."""

    says_paid_business_days: int
    their_approval_business_days: int
    their_approval_anew_days: int  # plain days
    by_hand_business_days: int
    answer_business_days: int
    paid_within_days: int  # plain days


@dataclass(frozen=True, slots=True)
class HoldRules:
    """How long a credit hold stands unseen, and what makes the order system warn; amounts are units."""

    review_days: int
    review_most_days: int
    undo_minutes: int
    watch_overdue: int
    watch_days_late: int
    watch_promise_days: int


@dataclass(frozen=True, slots=True)
class DisputeRules:
    answer_business_days: int
    statement_business_days: int
    files: int
    file_mebibytes: int
    account_mebibytes: int
    draft_days: int


@dataclass(frozen=True, slots=True)
class CallRules:
    """How far ahead somebody can ask to be rung, and how much notice we need."""

    ahead_business_days: int
    notice_minutes: int


@dataclass(frozen=True, slots=True)
class TalkRules:
    """What belongs to a call or a visit that is written down."""

    recording_mebibytes: int
    photos: int
    next_within_days: int
    evidence_days: int
    visit_checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanBand:
    """What a balance above `above` may be paid in; amounts are units, see Policy.units."""

    above: int
    least_part: int
    most_parts: int
    first_within_days: int
    down_percent: int


@dataclass(frozen=True, slots=True)
class PlanRules:
    retry_days: tuple[int, ...]
    missed_to_default: int
    cure_days: int
    moves: int
    move_days: int
    notice_days: int
    card_notice_days: int
    asked_within_days: int
    usual_first_days: int
    draft_days: int
    fee_percent: int
    bands: tuple[PlanBand, ...]


@dataclass(frozen=True, slots=True)
class RiskRules:
    """When a promise or a plan that still runs is at risk; days unless named."""

    promise_within_days: int
    broken_before: int
    broken_days: int
    missed_parts: int
    card_days: int
    refusals: int
    broken_shown_days: int


@dataclass(frozen=True, slots=True)
class OfferBand:
    """The largest discount for what is so many days late, and the days to accept and to pay."""

    days_late: int
    discount_percent: int
    accept_days: int
    pay_days: int


@dataclass(frozen=True, slots=True)
class OfferRules:
    counter_answered_at_once: bool
    grid: tuple[OfferBand, ...]


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """Role -> what it may decide alone for another's proposal (A-03); amounts are units."""

    discount_percent: Mapping[str, int]
    offer_amount: Mapping[str, int]
    plan_parts: Mapping[str, int]
    plan_amount: Mapping[str, int]
    write_off: Mapping[str, int]
    refund: Mapping[str, int]
    waived_charge: Mapping[str, int]
    #: What has no amount -> the roles that decide it.
    decided_by: Mapping[str, Sequence[str]]
    escalate_business_days: int
    alone: bool
    alone_hours: int
    dispute_credit: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CostRules:
    """What late payment may cost, and where that is switched on (policy table rows 11, 19 to 21, 25)."""

    interest_countries: tuple[str, ...]
    fixed_sum_countries: tuple[str, ...]
    contract_interest: bool
    contract_needed: bool
    consumer_sign_off: str
    days_in_year: int
    least_charge: int
    runs_while: tuple[str, ...]

    def __post_init__(self) -> None:
        if strange := set(self.runs_while) - set(PauseReason):
            raise KeyError(sorted(strange)[0])
        if self.days_in_year not in (360, 365):
            raise KeyError("days_in_year")


#: What a warning may name as the next step.
NEXT_STEPS = ("agency", "lawyer", "court")


@dataclass(frozen=True, slots=True)
class LetterRules:
    """Letters on paper: by kind, the days that one gives, and what a warning names when nobody said."""

    deadline_days: Mapping[str, int]
    post_days: int
    least_days: int
    next_step: str

    def __post_init__(self) -> None:
        if self.next_step not in NEXT_STEPS:
            raise KeyError(self.next_step)


@dataclass(frozen=True, slots=True)
class WayRules:
    transfer_first_above: int
    cheques: tuple[str, ...]
    cheque_days: int


#: What becomes of the tax in a discount: nothing, corrected pro rata, or a person decides (decision 5).
TAX_RULES = ("none", "credit_note", "ask")


@dataclass(frozen=True, slots=True)
class DiscountTaxRules:
    """One of TAX_RULES for businesses: of an account's country, else the default."""

    default: str
    by_country: Mapping[str, str]

    def __post_init__(self) -> None:
        for rule in (self.default, *self.by_country.values()):
            if rule not in TAX_RULES:
                raise KeyError(rule)

    def of(self, country: str) -> str:
        """Return the rule of a country."""
        return self.by_country.get(country, self.default)


@dataclass(frozen=True, slots=True)
class LadderRules:
    """Which ladder is climbed where nothing else is said, and what its steps may name."""

    default: str
    prepayments: str
    by_segment: Mapping[str, str]
    deadline_days: int
    bank_lines_days: int  # business days of the creditor's country


@dataclass(frozen=True, slots=True)
class BetterTerms:
    kept_promises: int
    more_parts: int


@dataclass(frozen=True, slots=True)
class ReconcilingRules:
    """How often the gateway's word is read, how far back, and what is late (P-15, P-17, P-18, M-18)."""

    events_minutes: int
    events_overlap_minutes: int
    wide_minutes: int
    wide_overlap_hours: int
    events_days: int
    endpoint_minutes: int
    silence_hours: int
    days_back: int
    payout_days: int
    wait_hours: int
    clearing_days: int  # business days of the creditor's country


@dataclass(frozen=True, slots=True)
class FigureRules:
    """What the dashboard reads, in days; `go_live_on` is an ISO day, or empty where nothing is compared."""

    renewed_days: int
    history_days: int
    go_live_on: str
    compare_days: int


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """When the books speak for another kind of debtor, and what sales may ask for; days unless named."""

    history_days: int
    promise_days: int
    hardship_days: int
    broken_promises: int
    plan_defaults: int
    ignored_contacts: int
    ignored_days_late: int
    silent_days: int
    own_terms_paid: int
    own_terms_lag: int
    own_terms_spread: int
    own_terms_most: int
    quiet_days: int
    terms_rate_percent: Decimal  # a year
    talk_business_days: int
    notice_business_days: int
    notice_rungs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskLinkRules:
    """How long one tap from the mail of a task answers it."""

    valid_hours: int


#: What may happen at an account that makes a day dearer or cheaper (receivables/worklist).
FACTORS = (
    "call_back", "promise_broken", "promise_due", "promise_open", "dispute_settled", "plan_missed", "reply",
    "bounced", "says_paid", "visited", "on_hold", "spoken_lately", "tried_lately", "bank_behind", "bound",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgeBand:
    """What of an amount so many days late is expected to be lost with every day."""

    late: int
    percent_a_day: Decimal


@dataclass(frozen=True, slots=True)
class WorklistRules:
    """How the worklist ranks, and how long claims, skips and undoing last; days and percent."""

    claim_minutes: int
    skip_most_days: int
    undo_minutes: int
    page_rows: int
    bulk_most: int
    floor_late_days: int
    floor_untouched_days: int
    floor_units_a_day: Decimal
    promise_days: int
    news_days: int
    bounce_days: int
    spoken_days: int
    tried_days: int
    ages: tuple[AgeBand, ...]
    segment_percent: Mapping[str, int]
    factor_percent: Mapping[str, int]

    def __post_init__(self) -> None:
        for known, given in ((set(Segment), self.segment_percent), (set(FACTORS), self.factor_percent)):
            if strange := known ^ set(given):
                raise KeyError(sorted(strange)[0])
        if [band.late for band in self.ages] != sorted({band.late for band in self.ages}, reverse=True):
            raise KeyError("ages")


@dataclass(frozen=True, slots=True)
class StaffRules:
    """How long a confirmation, an invitation and a reset of people at the desk serve (A-04, A-05)."""

    fresh_minutes: int
    invitation_hours: int
    reset_minutes: int


@dataclass(frozen=True, slots=True)
class AccountPageRules:
    """Room for the desk's own files of one account, and how long one look as the debtor lasts."""

    files_mebibytes: int
    view_minutes: int


_T = TypeVar("_T")


def _section(kind: type[_T], data: Mapping[str, Any]) -> _T:
    """Read a section whose keys are the names of a dataclass, all of them and no other.

    Raises: KeyError: a key is missing or not known.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if strangers := set(data) ^ known:
        raise KeyError(sorted(strangers)[0])
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules; each attribute is one key of the TOML, in the unit it names."""

    version_id: int | None
    link_valid: timedelta
    mail_bits: int
    sms_bits: int
    fresh_per_day: int
    forwards_per_day: int
    debtor_idle: timedelta
    debtor_absolute: timedelta
    staff_idle: timedelta
    staff_absolute: timedelta
    link_window: timedelta
    link_tries: int
    login_window: timedelta
    login_tries: int
    session_life: timedelta
    sweep_after: timedelta
    alert_after: timedelta
    debit_life: timedelta
    small_difference_minor: int
    contact_from: time
    contact_to: time
    least_window: timedelta
    soft_bounces: int
    confirm_after: timedelta
    lease: timedelta
    event_give_up: timedelta
    scale: Mapping[str, Decimal]
    step_up: StepUpRules
    promises: PromiseRules
    pauses: PauseRules
    credit_holds: HoldRules
    disputes: DisputeRules
    calls: CallRules
    talks: TalkRules
    plans: PlanRules
    at_risk: RiskRules
    offers: OfferRules
    approvals: ApprovalRules
    letters: LetterRules
    ways: WayRules
    discount_tax: DiscountTaxRules
    ladders: LadderRules
    better_terms: BetterTerms
    segments: SegmentRules
    task_links: TaskLinkRules
    costs: CostRules
    account_page: AccountPageRules
    worklist: WorklistRules
    figures: FigureRules
    reconciling: ReconcilingRules
    asks_survey: bool
    staff: StaffRules

    def units(self, amount: int, currency: str) -> Money | None:
        """Return an amount of the policy in a currency; None where it has no scale.

        >>> default_policy().units(25, "ILS")
        Money(minor=10000, currency='ILS')
        """
        scale = self.scale.get(currency)
        if scale is None:
            return None
        row = currency_row(currency)
        minor = int(amount * scale * 10**row.exponent)
        return Money(max(minor - minor % row.step, row.step), currency)

    @classmethod
    def read(cls, body: str, version_id: int | None = None) -> Policy:
        """Read a policy from TOML.

        Raises:
            KeyError: a key is missing; a policy is whole or nothing.
        """
        return cls.of(tomllib.loads(body), version_id)

    @classmethod
    def of(cls, data: dict[str, Any], version_id: int | None = None) -> Policy:
        """Make a policy of parsed TOML.

        Raises:
            KeyError: a key is missing, or one is there that nobody reads.
        """
        if strangers := _strangers(data):
            raise KeyError(strangers[0])
        links, sessions, guesses = data["links"], data["sessions"], data["guesses"]
        payments, contact, worker = data["payments"], data["contact"], data["worker"]
        return cls(
            version_id=version_id,
            link_valid=timedelta(days=links["valid_days"]),
            mail_bits=links["mail_bits"],
            sms_bits=links["sms_bits"],
            fresh_per_day=links["fresh_per_day"],
            forwards_per_day=links["forwards_per_day"],
            debtor_idle=timedelta(minutes=sessions["debtor_idle"]),
            debtor_absolute=timedelta(minutes=sessions["debtor_absolute"]),
            staff_idle=timedelta(minutes=sessions["staff_idle"]),
            staff_absolute=timedelta(minutes=sessions["staff_absolute"]),
            link_window=timedelta(minutes=guesses["link_window_minutes"]),
            link_tries=guesses["link_tries"],
            login_window=timedelta(minutes=guesses["login_window_minutes"]),
            login_tries=guesses["login_tries"],
            session_life=timedelta(minutes=payments["session_minutes"]),
            sweep_after=timedelta(minutes=payments["sweep_after_minutes"]),
            alert_after=timedelta(minutes=payments["alert_after_minutes"]),
            debit_life=timedelta(days=payments["debit_days"]),
            small_difference_minor=payments["small_difference_minor"],
            contact_from=time.fromisoformat(contact["window_from"]),
            contact_to=time.fromisoformat(contact["window_to"]),
            least_window=timedelta(minutes=contact["least_window_minutes"]),
            soft_bounces=contact["soft_bounces"],
            confirm_after=timedelta(hours=contact["confirm_hours"]),
            lease=timedelta(seconds=worker["lease_seconds"]),
            event_give_up=timedelta(hours=worker["event_give_up_hours"]),
            scale={code: Decimal(str(value)) for code, value in data["amounts"]["scale"].items()},
            step_up=_section(StepUpRules, data["step_up"]),
            promises=_section(PromiseRules, data["promises"]),
            pauses=_section(PauseRules, data["pauses"]),
            credit_holds=_section(HoldRules, data["credit_holds"]),
            disputes=_section(DisputeRules, data["disputes"]),
            calls=_section(CallRules, data["calls"]),
            talks=_section(TalkRules, data["talks"]),
            plans=_section(
                PlanRules,
                {**data["plans"], "bands": [_section(PlanBand, band) for band in data["plans"]["bands"]]},
            ),
            at_risk=_section(RiskRules, data["at_risk"]),
            offers=_section(
                OfferRules,
                {**data["offers"], "grid": [_section(OfferBand, band) for band in data["offers"]["grid"]]},
            ),
            approvals=_section(ApprovalRules, data["approvals"]),
            letters=_section(LetterRules, data["letters"]),
            ways=_section(WayRules, data["ways"]),
            discount_tax=_section(DiscountTaxRules, data["discount_tax"]),
            ladders=_section(LadderRules, data["ladders"]),
            better_terms=_section(BetterTerms, data["better_terms"]),
            segments=_section(
                SegmentRules,
                {
                    **data["segments"],
                    "terms_rate_percent": Decimal(str(data["segments"]["terms_rate_percent"])),
                },
            ),
            task_links=_section(TaskLinkRules, data["task_links"]),
            costs=_section(CostRules, data["costs"]),
            account_page=_section(AccountPageRules, data["account_page"]),
            worklist=_section(
                WorklistRules,
                {
                    **data["worklist"],
                    "floor_units_a_day": Decimal(str(data["worklist"]["floor_units_a_day"])),
                    "ages": [
                        AgeBand(band["late"], Decimal(str(band["percent_a_day"])))
                        for band in data["worklist"]["ages"]
                    ],
                },
            ),
            figures=_section(FigureRules, data["figures"]),
            reconciling=_section(ReconcilingRules, data["reconciling"]),
            asks_survey=data["after_paying"]["survey"],
            staff=_section(StaffRules, data["staff"]),
        )


def _strangers(data: Mapping[str, Any]) -> list[str]:
    """Keys of the first two levels that the shipped rules do not have."""
    shipped = tomllib.loads(DEFAULT_BODY)
    found = sorted(set(data) - set(shipped))
    for name, section in shipped.items():
        found += sorted(set(data.get(name, {})) - set(section))
    return found


@cache
def _read(body: str, version_id: int | None) -> Policy:
    return Policy.of(whole(body), version_id)


def whole(body: str) -> dict[str, Any]:
    """Return a version as data; keys that were shipped after it was published stand as shipped.

    What is published is whole (`publish` refuses another); this is for versions of an older house.
    """
    data, shipped = tomllib.loads(body), tomllib.loads(DEFAULT_BODY)
    return {
        name: {**section, **data[name]} if name in data else section for name, section in shipped.items()
    } | {name: section for name, section in data.items() if name not in shipped}


def default_policy() -> Policy:
    """The rules that ship with the product."""
    return _read(DEFAULT_BODY, None)


_IN_FORCE = (
    select(PolicyVersion.body, PolicyVersion.id)
    .where(
        PolicyVersion.kind == PolicyKind.HOUSE,
        PolicyVersion.effective_at <= bindparam("now", type_=UTCDateTime()),
    )
    .order_by(PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())
    .limit(1)
)


def current_policy(session: Session, now: datetime) -> Policy:
    """Return the version in force at a moment; the shipped rules while none was published."""
    row = fetch(session, _IN_FORCE, {"now": now}).first()
    return _read(row.body, row.id) if row else default_policy()


def current_body(session: Session, now: datetime) -> str:
    """Return the version in force at a moment as it is written."""
    row = fetch(session, _IN_FORCE, {"now": now}).first()
    return row.body if row else DEFAULT_BODY


def publish(
    session: Session,
    body: str,
    *,
    reason: str,
    author_id: int | None,
    now: datetime,
    effective_at: datetime | None = None,
) -> PolicyVersion:
    """Put a version in force; read once first, so that a broken one is refused.

    Args:
        effective_at: from when it holds; `now` when None.
    Raises:
        KeyError, tomllib.TOMLDecodeError: the body is not a whole policy.
    """
    Policy.read(body)
    version = PolicyVersion(
        effective_at=effective_at or now,
        author_id=author_id,
        reason=reason,
        body=body,
        body_digest=hashlib.sha256(body.encode()).hexdigest(),
    )
    session.add(version)
    session.flush()
    return version
