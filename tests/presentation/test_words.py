"""Words for statuses, and what pages are given."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment

from models.money import Money
from models.states import AttemptStatus, InvoiceStatus, JobStatus, MessageStatus
from presentation import LANGUAGES, TRANSLATIONS, install, label

OTHERS = [language for language in LANGUAGES if language != "en"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The translations as they are in the tree, compiled apart from it."""
    folder = tmp_path_factory.mktemp("translations")
    for language in OTHERS:
        part = Path(language) / "LC_MESSAGES"
        (folder / part).mkdir(parents=True)
        with (TRANSLATIONS / part / "messages.po").open("rb") as source:
            catalogue = read_po(source, locale=language)
        with (folder / part / "messages.mo").open("wb") as target:
            write_mo(target, catalogue)
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_status_has_a_word(language: str, compiled: Path) -> None:
    """House: each status labelled. The desk sees all; debtors never meet a draft."""
    for status in (*InvoiceStatus, *AttemptStatus, *MessageStatus):
        word = label(status, language, staff=True, folder=compiled)
        assert word
        assert (word == label(status, "en", staff=True)) is (language == "en"), "left in English"
    for status in (*set(InvoiceStatus) - {InvoiceStatus.DRAFT}, *AttemptStatus):
        word = label(status, language, folder=compiled)
        assert (word == label(status, "en")) is (language == "en"), "left in English"


def test_the_same_value_of_two_subjects_is_two_words(compiled: Path) -> None:
    """`open` is both an invoice to be paid and a payment page; equal strings must not mix them up."""
    assert label(InvoiceStatus.OPEN, "ru", folder=compiled) == "К оплате"
    assert label(AttemptStatus.OPEN, "ru", folder=compiled) == "Страница оплаты открыта"
    assert label(MessageStatus.FAILED, "he", staff=True, folder=compiled) == "נכשל"


def test_no_word_is_an_error_and_never_a_bare_value() -> None:
    for status in (InvoiceStatus.DRAFT, MessageStatus.SENT, JobStatus.DEAD):
        with pytest.raises(LookupError):
            label(status, "en")


def page(source: str, **context: object) -> str:
    environment = Environment(autoescape=True)
    install(environment)
    return environment.from_string(source).render(language="he", zone="Asia/Jerusalem", **context)


def test_pages_get_markup_for_bodies_and_text_for_attributes() -> None:
    """Decision 32: amounts stand in <bdi>, in desk columns left to right."""
    amount, shown = Money(679_680, "ILS"), "\u200f6,796.80\u00a0\u200f₪"
    assert page("{{ a|money }}", a=amount) == f"<bdi>{shown}</bdi>"
    assert page("{{ a|money(way='ltr') }}", a=amount) == f'<bdi dir="ltr">{shown}</bdi>'
    assert page('<i title="{{ a|money_text }}">', a=amount) == f'<i title="\u2068{shown}\u2069">'
    assert page("{{ a|amount }}", a=amount) == "6,796.80"
    assert page("{{ n|ltr }} {{ n|bdi }}", n="<1>") == '<bdi dir="ltr">&lt;1&gt;</bdi> <bdi>&lt;1&gt;</bdi>'


def test_pages_tell_days_and_moments_in_the_zone_of_the_reader() -> None:
    late = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)
    assert page("{{ d|day }} {{ d|day('short') }}", d=date(2026, 11, 21)) == "21 בנובמבר 2026 21.11.2026"
    assert page("{{ m|day('short') }}", m=late) == "22.11.2026"
    assert page("{{ moment(m) }}", m=late) == "22 בנובמבר 2026, 00:30"
    assert page("{{ direction(language) }} {{ language_names.hu }}") == "rtl Magyar"


def test_a_page_without_a_language_is_an_error() -> None:
    environment = Environment(autoescape=True)
    install(environment)
    with pytest.raises(LookupError, match="language"):
        environment.from_string("{{ a|money }}").render(a=Money(1, "GBP"))
