"""Filters of the books: plain fields of one GET form; what can't be read is left out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from flask_admin.contrib.sqla.filters import BaseSQLAFilter

from admin.shell import frame
from receivables.calendar_days import at_local


class Choice(BaseSQLAFilter):  # type: ignore[misc]
    """One of a closed list of values."""

    def __init__(self, column: Any, key: str, name: str, values: Iterable[str], table: str | None) -> None:
        super().__init__(column, name)
        self.key, self.values, self.table = key, tuple(values), table

    def read(self, typed: str) -> Any:
        return typed if typed in self.values else None

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        return query.filter(self.get_column(alias) == value)

    def operation(self) -> str:
        return "is"


class Begins(Choice):
    """Text that begins with what is typed."""

    def __init__(self, column: Any, key: str, name: str) -> None:
        super().__init__(column, key, name, (), None)

    def read(self, typed: str) -> Any:
        return typed[:100]

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        return query.filter(self.get_column(alias).startswith(value, autoescape=True))


class Since(Choice):
    """From a day on, that day included; moments are counted in the zone of the house."""

    moments = True

    def __init__(self, column: Any, key: str, name: str, *, moments: bool) -> None:
        super().__init__(column, key, name, (), None)
        self.moments = moments

    def read(self, typed: str) -> Any:
        try:
            day = date.fromisoformat(typed)
        except ValueError:
            return None
        return day.isoformat() if 1970 <= day.year < 2200 else None

    def _edge(self, value: str, clock: time) -> date | datetime:
        day = date.fromisoformat(value)
        return at_local(day, clock, frame().zone) if self.moments else day

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        return query.filter(self.get_column(alias) >= self._edge(value, time.min))


class Until(Since):
    """To a day, that day included."""

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        return query.filter(self.get_column(alias) <= self._edge(value, time.max))
