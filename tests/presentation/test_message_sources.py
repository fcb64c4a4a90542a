"""The texts themselves: complete in four languages, in a calm voice, and without logic (X-05)."""

import re
import shutil
from pathlib import Path

import pytest

from presentation import BLOCKS, KINDS, LANGUAGES, PARTS, Presenter, SourceWrong, check_source

from .letters import TEMPLATES, letter

MESSAGES = TEMPLATES / "messages"
SOURCES = sorted(MESSAGES.rglob("*.txt"))

#: Tone.md, section 4; as stems, so that inflections are found as well.
NEVER = {
    "en": (
        "final warning",
        "last chance",
        "immediately",
        "urgent",
        "legal action",
        "failure to",
        "you failed",
        "you must",
        "debtor",
        "delinquent",
        "bailiff",
        "blacklist",
        "unfortunately",
    ),
    "he": (
        "אזהרה אחרונה",
        "התראה אחרונה",
        "הזדמנות אחרונה",
        "דחוף",
        "לאלתר",
        "סרבן",
        "החייב",
        "עיקול",
        "הוצאה לפועל",
        "לצערנו",
    ),
    "ru": (
        "последнее предупреждение",
        "последний шанс",
        "немедленн",
        "срочно",
        "должник",
        "неплательщик",
        "вы обязаны",
        "иначе",
        "в противном случае",
        "коллектор",
        "пристав",
        "к сожалению",
    ),
    "hu": (
        "utolsó figyelmeztetés",
        "azonnal",
        "sürgős",
        "adós",
        "nemfizető",
        "köteles",
        "különben",
        "végrehajtó",
        "feketelist",
        "sajnos",
    ),
}


def test_there_is_a_text_for_everything_and_nothing_besides() -> None:
    """House: each message complete in its parts; a stray file is a text nobody checks."""
    expected = {f"{kind}/{{}}/{part}.txt" for kind, own in KINDS.items() for part in own.parts}
    expected |= {f"blocks/{{}}/{name}.txt" for name in BLOCKS}
    assert set(SOURCES) == {MESSAGES / path.format(language) for path in expected for language in LANGUAGES}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(MESSAGES).with_suffix("")))
def test_the_voice_never_uses_these_words(path: Path) -> None:
    """Tone.md, section 4."""
    language, text = path.parent.name, path.read_text(encoding="utf-8").lower()
    assert "!" not in text
    assert not [words for words in NEVER[language] if words in text]
    if language == "ru":
        assert not re.search(r"\b(счет|платеж)\b", text), "ё in счёт and платёж"
    if language == "hu":
        assert not re.search(r"[õû]", text), "ő and ű, not their look-alikes"
        assert not re.search(r"\ba(z)? \{", text), "no article before a value"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_courtesy_note_is_no_reminder(language: str) -> None:
    """Tone.md, section 2: before the due date nothing is overdue."""
    words = {
        "en": ("remind", "overdue", "late"),
        "he": ("תזכורת", "איחור", "פיגור"),
        "ru": ("напоминание", "просроч", "долг"),
        "hu": ("emlékeztet", "lejárt", "késedel"),
    }
    for part in PARTS:
        text = (MESSAGES / "courtesy" / language / f"{part}.txt").read_text(encoding="utf-8").lower()
        assert not [word for word in words[language] if word in text]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_text_has_its_way_out(kind: str, language: str) -> None:
    """Decision 20: every SMS and mail has an opt-out link; tone.md, section 7: a link ends its line."""
    for part in KINDS[kind].parts[1:]:
        text = (MESSAGES / kind / language / f"{part}.txt").read_text(encoding="utf-8")
        assert re.search(r"\{(stop|preferences|block_footer|block_footer_plain)\}", text)
        for line in text.splitlines():
            assert not re.search(r"\{(link|stop|preferences|verify)\}.", line)


@pytest.mark.parametrize(
    "source",
    [
        "{{config}}",
        "{{ name }}",
        "{% if 1 %}",
        "{name.__class__}",
        "{name!r}",
        "{name:>9}",
        "{0}",
        "{secret}",
        "}",
    ],
)
def test_more_than_text_is_refused(source: str) -> None:
    """X-05: a source is text with allowed names; logic, look-ups and unknown names are errors."""
    check_source("fine", "Dear {name},", {"name"})
    with pytest.raises(SourceWrong):
        check_source("edited", f"Dear {source},", {"name", "config"})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("courtesy/en/body.txt", "{{config}}"),
        ("courtesy/he/subject.txt", "{paid_amount}"),  # known, but not to this kind
        ("courtesy/ru/sms.txt", "{block_footer}"),  # blocks are for mail bodies
        ("blocks/hu/salutation.txt", "{amount}"),
    ],
)
def test_a_wrong_source_stops_the_start(path: str, text: str, tmp_path: Path) -> None:
    """X-05: found when the presenter is made, not when a letter goes out."""
    shutil.copytree(MESSAGES, tmp_path / "messages")
    (tmp_path / "messages" / path).write_text(text, encoding="utf-8")
    with pytest.raises(SourceWrong, match=path.removesuffix(".txt")):
        Presenter(tmp_path)


def test_an_absent_source_stops_the_start(tmp_path: Path) -> None:
    shutil.copytree(MESSAGES, tmp_path / "messages")
    (tmp_path / "messages" / "due_today" / "hu" / "sms.txt").unlink()
    with pytest.raises(SourceWrong, match="due_today/hu/sms"):
        Presenter(tmp_path)


def test_the_version_follows_the_sources_used(tmp_path: Path) -> None:
    """Decision 19: a kept copy names the text it was made of."""
    reminder = letter("first_reminder")
    before = Presenter(TEMPLATES).render_message(reminder).template_version
    assert before == Presenter(TEMPLATES).render_message(reminder).template_version
    for number, (path, used) in enumerate(
        [
            ("first_reminder/en/body.txt", True),
            ("blocks/en/ways_out.txt", True),
            ("frame.html", True),
            ("first_reminder/en/sms.txt", False),
            ("first_reminder/he/body.txt", False),
        ]
    ):
        folder = tmp_path / str(number)
        shutil.copytree(MESSAGES, folder / "messages")
        with (folder / "messages" / path).open("a", encoding="utf-8") as source:
            source.write("\nMore.")
        after = Presenter(folder).render_message(reminder).template_version
        assert (after != before) is used, path
