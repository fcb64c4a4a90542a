"""The rail: groups by what a person is after, only what he may open, folded where not in use (A-01)."""

from __future__ import annotations

import re

import pytest

from admin.shell import FEW, PLACES
from models.staff import Role
from tests.admin.conftest import Desk

_GROUP = re.compile(
    r"<details(?P<open> open)?><summary>(?P<name>[^<]+)</summary>\s*<ul>(?P<places>.*?)</ul>", re.S
)


def rail_of(text: str) -> str:
    return re.split('<nav class="am-rail[ a-z]*"', text)[1].split("</nav>")[0]


def links_in(rail: str) -> list[str]:
    return re.findall(r'<li><a href="([^"]+)"', rail)


@pytest.mark.parametrize("role", list(Role))
def test_whatever_the_rail_names_opens_and_stands_in_it_as_the_current_page(desk: Desk, role: Role) -> None:
    visitor = desk.at(role)
    links = links_in(rail_of(visitor.get("/desk/").text))
    assert "/desk/" in links
    assert len(links) == len(set(links))
    for link in links:
        answer = visitor.get(link)
        assert answer.status_code == 200, link
        assert re.findall(r'href="([^"]+)" aria-current="page"', rail_of(answer.text)) == [link]


def test_the_group_of_the_present_page_is_open_and_the_others_are_folded(desk: Desk) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    groups = {g["name"]: g for g in _GROUP.finditer(rail_of(visitor.get("/desk/books/journal/").text))}
    assert list(groups) == list(PLACES)[1:], "the day's work stands first and never folds"
    assert [name for name, group in groups.items() if group["open"]] == ["Money"]
    groups = {g["name"]: g for g in _GROUP.finditer(rail_of(visitor.get("/desk/").text))}
    assert not any(group["open"] for group in groups.values())


@pytest.mark.parametrize("role", [Role.SALESPERSON, Role.ADMIN])
def test_who_may_open_little_sees_all_of_it_at_once(desk: Desk, role: Role) -> None:
    rail = rail_of(desk.at(role).get("/desk/").text)
    assert len(links_in(rail)) <= FEW
    assert all(group["open"] for group in _GROUP.finditer(rail))
    assert rail.count("<details") == len(list(_GROUP.finditer(rail))), "a group of nothing is not named"
