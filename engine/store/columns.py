"""What the tables of the schema share: how constraints are named, and the columns that come again and again."""

from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, MetaData, String, Table

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_() -> Column[str]:
    """A hash or a short word."""
    return Column("id", String, primary_key=True)


def number() -> Column[int]:
    """Counts up."""
    return Column("id", Integer, primary_key=True, autoincrement=True)


def at(name: str = "created", nullable: bool = False) -> Column[object]:
    """A time, with its zone."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def members(name: str, column: str, table: str, *more: Column[Any]) -> Table:
    """What a data set holds, in the order of the file; read by data set and row, and by what is held."""
    return Table(
        name,
        metadata,
        Column("dataset_id", ForeignKey("datasets.id"), primary_key=True),
        Column("row", Integer, primary_key=True),
        Column(column, ForeignKey(f"{table}.id"), nullable=False),
        *more,
        Index(f"ix_{name}_{column}_dataset_id", column, "dataset_id"),
    )
