"""Mails: complete, the same in text and HTML, neutral for private persons, safe to show (X-04)."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from models.money import Money
from presentation import KINDS, LANGUAGES, Presenter, readable_brand
from receivables.ports import MessageIncomplete

from .letters import CODE, LINK, STOP, TEMPLATES, letter, rendered, row, sender

CONTROLS = re.compile("[\u200e\u200f\u2066-\u2069]")
FSI, PDI, RLM = "\u2068", "\u2069", "\u200f"


class Page(HTMLParser):
    """Reads a page, remembers its links and its visible words, and minds that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return squeezed("".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag in ("p", "td", "th", "br"):
            self.words.append(" ")
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "title" not in self.open:
            self.words.append(data)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", CONTROLS.sub("", text)).strip()


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_text_and_html_say_the_same_in_the_same_order(kind: str, language: str, private: bool) -> None:
    """Look.md: one order for both parts, and no placeholder left in either."""
    mail = rendered(kind, language, private=private)
    assert mail.html is not None
    assert not re.search(r"[{}]", mail.subject + mail.text)
    assert "\n\n\n" not in mail.text
    assert mail.segments == 0
    page, place = Page(mail.html), 0
    for line in mail.text.splitlines():
        for cell in re.split(r" {2,}", re.sub(r"https://\S+", "", CONTROLS.sub("", line))):
            words = squeezed(cell).removesuffix(":")
            for part in words.split(", ") if "  " in line else [words]:  # notes stand in lines of their own
                found = page.text.find(part, place)
                assert found >= 0, (part, page.text[place:])
                place = found


@pytest.mark.parametrize("language", LANGUAGES)
def test_frame(language: str) -> None:
    """Decision 31: no pictures, no scripts, nothing fetched; one button, the link again as text."""
    mail = rendered("first_reminder", language)
    assert mail.html is not None
    page = Page(mail.html)
    way = "rtl" if language == "he" else "ltr"
    assert not page.tags & {"img", "script", "link", "style", "iframe", "object", "form"}
    assert f'<html lang="{language}" dir="{way}">' in mail.html
    assert 'width="560"' in mail.html
    assert page.links.count(LINK) == 2
    assert page.links.count(STOP) == 1
    assert {link for link in page.links if not link.startswith("https://npp.example/")} == {
        "tel:+441134960142",
        "https://northgate.example/verify",
    }
    assert LINK in page.text


def test_no_button_where_there_is_nothing_to_open() -> None:
    mail = rendered("opt_out_confirmed", link=None)
    assert mail.html is not None
    assert "button" not in mail.html
    assert Page(mail.html).links == [STOP, "tel:+441134960142"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_private_persons_get_a_neutral_subject_and_opening(kind: str, language: str) -> None:
    """Decision 20: no debt word in subject or first 40 characters, whoever looks over the shoulder."""
    debt = {
        "en": r"pay|owe|due|debt|invoice|remind|overdue|£|\d",
        "he": r"תשלום|חוב|חשבונית|פירעון|תזכורת|₪|\d",
        "ru": r"оплат|плат|долг|счёт|срок|напомин|€|\d",
        "hu": r"fizet|tartoz|számla|lejár|határid|emlékezt|\bFt|\d",
    }[language]
    mail = rendered(kind, language, private=True)
    assert not re.search(debt, mail.subject, re.IGNORECASE)
    assert not re.search(debt, squeezed(mail.text)[:40], re.IGNORECASE)
    assert mail.html is not None
    assert not re.search(debt, Page(mail.html).text[:60], re.IGNORECASE)


def test_paid_in_full_says_so() -> None:
    """Tone.md, section 10: a zero balance changes the sentence."""
    said = {
        "en": "Nothing remains to be paid.",
        "he": "לא נותר סכום לתשלום.",
        "ru": "Больше платить не нужно.",
        "hu": "Nincs további fizetendő.",
    }
    for language, sentence in said.items():
        currency = letter("payment_confirmation", language).values["balance"].currency
        assert sentence in rendered("payment_confirmation", language, balance=Money(0, currency)).text
        assert sentence not in rendered("payment_confirmation", language).text
    assert "Still open: £10.00." in rendered("payment_confirmation").text
    assert "0.00" not in rendered("payment_confirmation", balance=Money(0, "GBP"), allocation_list=[]).text


def test_late_terms_need_both_facts_or_close_up() -> None:
    """Tone.md, section 10: empty unless policy and contract allow."""
    assert "interest" not in rendered("first_reminder").text
    english, russian = (
        rendered("first_reminder", language, rate="8.5", interest_from=date(2026, 11, 2)).text
        for language in ("en", "ru")
    )
    assert "late-payment interest of 8.5% a year from 2 November 2026." in english
    assert "по ставке 8,5\u00a0% годовых начиная с 2 ноября 2026 года." in russian


@pytest.mark.parametrize(
    ("kind", "language", "change", "missing"),
    [
        ("first_reminder", "en", {"link": None}, "link"),
        ("first_reminder", "he", {"stop": None}, "stop"),
        ("first_reminder", "ru", {"amount": None}, "amount"),
        ("first_reminder", "hu", {"name": " "}, "name"),
        ("first_reminder", "en", {"counted_to": None}, "counted_to"),
        ("first_reminder", "en", {"invoice_list": []}, "invoice_list"),
        ("first_reminder", "en", {"invoice_list": "2041-A"}, "invoice_list as rows"),
        ("first_reminder", "en", {"amount": 679680}, "amount as money, not int"),
        ("first_reminder", "en", {"due_date": "1/11/2026"}, "due_date as day, not str"),
        ("first_reminder", "en", {"interest_from": date(2026, 11, 2)}, "rate"),
        (
            "first_reminder",
            "en",
            {"interest_from": date(2026, 11, 2), "rate": "8,5"},
            "rate as percent, not str",
        ),
        ("first_reminder", "en", {"link": "npp.example/l/7Kq2"}, "link as an address"),
        ("final_demand", "en", {}, "no such text"),
        ("courtesy", "fr", {}, "no such text"),
    ],
)
def test_what_is_missing_is_named_and_never_guessed(
    kind: str, language: str, change: dict[str, object], missing: str
) -> None:
    made = letter(kind, "en" if language == "fr" else language, **change)  # type: ignore[arg-type]
    with pytest.raises(MessageIncomplete) as refused:
        Presenter(TEMPLATES).render_message(replace(made, language=language))
    assert (refused.value.kind, refused.value.missing) == (kind, missing)


def test_a_header_stays_one_line() -> None:
    """X-04: neither a name nor a firm can add a header."""
    evil = "Sofia\r\nBcc: all@marsh.example"
    mail = rendered("first_reminder", private=True, name=evil, by=sender(name="Acme\nSubject: x\u2028y"))
    assert mail.subject == "Acme Subject: x y: a message for Sofia Bcc: all@marsh.example"
    assert "Dear Sofia Bcc: all@marsh.example," in mail.text


def test_markup_in_values_stays_text() -> None:
    """X-04, X-05: values are shown, never run."""
    for evil in ('"><img src=x>', "{{config}}", "{% raw %}", "{link}", "</style><script>"):
        rows = [row(evil, 100, "GBP", date(2026, 11, 1))]
        mail = rendered("first_reminder", name=evil, invoice_list=rows, by=sender(name=evil, legal_line=evil))
        assert mail.html is not None
        page = Page(mail.html)
        assert not page.tags & {"img", "script"}
        assert page.text.count(evil) >= 4
        assert f"Dear {evil}," in mail.text


def test_controls_in_values_cannot_turn_the_text_around() -> None:
    """A name with an override or a lone PDI would reach out of its isolate."""
    mail = rendered("first_reminder", "he", name="Acme\u202e\u2069\u2069 Ltd")
    assert "\u202e" not in mail.text
    assert f"{FSI}Acme Ltd{PDI}" in mail.text
    assert mail.text.count(FSI) == mail.text.count(PDI)


def test_hebrew_values_stand_apart() -> None:
    """Decision 32; tone.md, section 9: in plain text FSI and PDI, in HTML <bdi>."""
    mail = rendered("first_reminder", "he")
    amount = "\u200f6,796.80\u00a0\u200f₪"
    assert f"תשלום בסך {FSI}{amount}{PDI}, שמועד פירעונו חל ביום {FSI}1 בנובמבר 2026{PDI}." in mail.text
    assert f"{FSI}2041-A{PDI}" in mail.text
    assert f"טלפון: {FSI}+44 113 496 0142{PDI}" in mail.text
    assert f": {LINK}\n" in mail.text, "an address stays bare: clients take a control for a part of it"
    assert mail.html is not None
    assert '<bdi dir="ltr">2041-A</bdi>' in mail.html
    assert '<bdi dir="ltr">+44 113 496 0142</bdi>' in mail.html
    assert f"<bdi>{amount.replace(chr(160), '&nbsp;')}</bdi>" in mail.html


def test_hebrew_lines_start_from_the_right() -> None:
    """A line or subject that a client could take for left-to-right begins with U+200F."""
    latin = rendered("first_reminder", "he", by=sender("he", name="Acme Ltd.", person="Dana Levi"))
    assert latin.subject.startswith(f"{RLM}{FSI}Acme Ltd.{PDI}: ")
    assert f"\n{RLM}{FSI}Dana Levi{PDI}, {FSI}Acme Ltd.{PDI}\n" in latin.text
    assert rendered("neutral_notice", "he").subject.startswith("הודעה עבור")
    assert RLM not in rendered("first_reminder", "en").subject


def test_a_hebrew_name_in_english_stands_apart() -> None:
    """Tone.md, section 9: or the numbers after it jump to its other side."""
    mail = rendered("first_reminder", by=sender(name='צפון אספקה בע"מ'))
    assert mail.subject.startswith(f'{FSI}צפון אספקה בע"מ{PDI}: a reminder about £6,796.80')
    assert FSI not in rendered("first_reminder").text


def test_a_sentence_ends_with_one_point() -> None:
    """Tone.md, section 6: a date or a firm that ends in a point of its own gets no second one."""
    for kind in KINDS:
        for private in (False, True):
            mail = rendered(kind, "hu", private=private)
            assert ".." not in mail.text + mail.subject
            assert mail.html is not None
            assert ".." not in Page(mail.html).text
    assert "Feladó: Északi Kapu Kft. Címzett: Nagy Zsófia." in rendered("courtesy", "hu", private=True).text


def test_tables_of_documents() -> None:
    """Aligned in text; the sum asked for leaves out what is on its way."""
    rows = [row("2041-A", 198_400, "GBP", date(2026, 11, 1)), row("2042", 481_280, "GBP", None, 1_280)]
    assert (
        "2041-A  due 1 November 2026  £1,984.00\n"
        "2042    £12.80 on its way    £4,800.00\n"
        "Total                        £6,784.00\n"
    ) in rendered("first_reminder", invoice_list=rows).text


def test_a_table_of_two_currencies_shows_codes_and_no_sum() -> None:
    """Tone.md, section 9: codes where two currencies stand side by side."""
    rows = [row("2041", 100, "GBP", date(2026, 11, 1)), row("2042", 200, "EUR", date(2026, 11, 1))]
    text = rendered("first_reminder", invoice_list=rows).text
    assert "GBP\u00a01.00" in text
    assert "EUR\u00a02.00" in text
    assert "Total" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        (kind, channel)
        for kind in KINDS
        for channel in ("email", "sms")
        if channel == "email" or KINDS[kind].by_sms
    ],
)
def test_kept_copies_hold_no_clear_link(kind: str, language: str, channel: str) -> None:
    """Decision 19: whoever reads the copy cannot use it."""
    made = rendered(kind, language, channel, preferences="https://npp.example/x/other")
    assert "npp.example" in made.text
    assert "npp.example" not in made.kept_text
    assert re.search(r"\[(link|stop|preferences)\]", made.kept_text)
    restored = made.kept_text.replace("[link]", LINK).replace("[stop]", STOP).replace("[code]", CODE)
    assert restored.replace("[preferences]", "https://npp.example/x/other") == made.text


def test_brand_colours_can_be_read_and_carry_no_style() -> None:
    """Decision 31: one colour is the creditor's; white words on it keep 4.5 : 1."""
    assert readable_brand("#0b5d57") == "#0b5d57"
    for bright in ("#ffffff", "#ffff00", "#00ffff", "#f2c500"):
        red, green, blue = (int(readable_brand(bright)[i : i + 2], 16) for i in (1, 3, 5))
        assert 299 * red + 587 * green + 114 * blue < 150_000
    assert readable_brand("red;background:url(https://x.example)") == "#0b5d57"
    assert readable_brand("") == "#0b5d57"
