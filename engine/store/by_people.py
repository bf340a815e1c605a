"""The tables that people write by the screen, beside labels: people, guidelines, assignments, edits of batches."""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from engine.store.columns import at, id_, metadata, number

people = Table(
    "people",
    metadata,
    id_(),
    Column("name", Text, nullable=False),
    Column("role", String, nullable=False),
    Column("token_sha256", String),
    at(),
    Column("study_id", String),  # the one study that a labeller's link opens
    Column("gone", Boolean, nullable=False, default=False, server_default="0"),
)
guidelines = Table(
    "guidelines", metadata, number(), Column("study_id", ForeignKey("studies.id")), Column("text", Text), at()
)
assignments = Table(
    "assignments",
    metadata,
    number(),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("round", Integer, nullable=False),
    Column("pair_id", ForeignKey("pairs.id"), nullable=False),
    Column("person_id", ForeignKey("people.id")),
    Column("kind", String, nullable=False, default="label"),
    Column("state", String, nullable=False),
    Column("lease_until", Float),
    at(),
    Column("position", Integer, nullable=False, default=0, server_default="0"),
    Column("known", String),  # of a gold question its answer
    Column("side_first", String),  # which side is shown first, once it is given out
    Index("ix_assignments_run_id_pair_id", "run_id", "pair_id"),
    Index("ix_assignments_run_id_state_round", "run_id", "state", "round"),
    Index("ix_assignments_person_id", "person_id"),
)
selections = Table(
    "selections",
    metadata,
    id_(),
    Column("study_id", ForeignKey("studies.id")),
    Column("name", Text, nullable=False, default=""),
    Column("pair_ids", JSON, nullable=False),
    Column("made_from", JSON, nullable=False),
    at(),
)
edits = Table(
    "edits",
    metadata,
    number(),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("round", Integer, nullable=False),
    Column("what", String, nullable=False),
    Column("pair_id", ForeignKey("pairs.id")),
    Column("other_id", ForeignKey("pairs.id")),
    Column("undoes", ForeignKey("edits.id")),
    Column("person", Text, nullable=False),
    Column("detail", JSON),
    at(),
)
