"""What every table shares: naming, keys, moments, money columns, enum columns.

Conventions: moments are aware UTC and end in `_at`; days are account-local dates and end in
`_on`; amounts are BIGINT minor units and end in `_minor` beside a `currency`; digests are
SHA-256 in hexadecimal and end in `_digest`; `ref` is a random name that may stand in a URL.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Enum, Integer, MetaData, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column

#: Integer that SQLite takes as its rowid and PostgreSQL as BIGINT.
BigId = BigInteger().with_variant(Integer(), "sqlite")


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment, stored and returned in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("moments carry their zone; this one is naive")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UTCDateTime(),
        str: Text(),
        int: BigInteger(),
        dict[str, Any]: Text(),
    }


def new_ref() -> str:
    """A random name of 96 bits for URLs (L-15): nobody can count or guess their way to a row."""
    return secrets.token_urlsafe(12)


def enum_column(kind: type[StrEnum], name: str, **options: Any) -> Any:
    """A text column that holds one member of `kind`, with a CHECK on both databases."""
    return mapped_column(
        Enum(
            kind,
            native_enum=False,
            create_constraint=True,
            length=24,
            name=name,
            values_callable=lambda members: [m.value for m in members],
        ),
        **options,
    )


pk = Annotated[int, mapped_column(BigId, primary_key=True, autoincrement=True)]
ref_key = Annotated[str, mapped_column(String(24), unique=True, default=new_ref)]
currency_code = Annotated[str, mapped_column(String(3))]
minor = Annotated[int, mapped_column(BigInteger)]
digest = Annotated[str, mapped_column(String(64))]
decimal_text = Annotated[str, mapped_column(Text)]
"""Quantities, prices and rates: decimal strings, at most 10 places, fed only to rounding functions."""
