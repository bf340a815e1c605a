"""Every table of the store. `migrations/` builds the same in a database; a test holds the two against each other."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String, primary_key=True)


def _number() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _at(name: str = "created", nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


# ---- texts: ids are hashes of content, shared by all data sets and runs --------------------------------------------
prompts = Table("prompts", metadata, _id(), Column("messages", JSON, nullable=False), Column("topic", Text, default=""))
responses = Table(
    "responses",
    metadata,
    _id(),
    Column("prompt_id", ForeignKey("prompts.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False, default=""),
    Column("sampling", JSON),
    Column("run_id", ForeignKey("runs.id"), index=True),
    Column("round", Integer),
)
pairs = Table(
    "pairs",
    metadata,
    _id(),
    Column("prompt_id", ForeignKey("prompts.id"), nullable=False, index=True),
    Column("a", ForeignKey("responses.id"), nullable=False),
    Column("b", ForeignKey("responses.id"), nullable=False),
    CheckConstraint("a < b", name="sides_in_hash_order"),
)

# ---- data sets: what a file held, and what it knew of the answers ---------------------------------------------------
datasets = Table(
    "datasets",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("format", String, nullable=False),
    Column("sha256", String, nullable=False, index=True),
    Column("rows", Integer, nullable=False),
    Column("refused", JSON, nullable=False),
    Column("dropped", JSON, nullable=False),
    Column("part", String, nullable=False, default=""),
    _at(),
)
dataset_prompts = Table(
    "dataset_prompts",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("prompt_id", ForeignKey("prompts.id"), nullable=False),
)
dataset_responses = Table(
    "dataset_responses",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("response_id", ForeignKey("responses.id"), nullable=False),
    Column("score", Float),
)
dataset_pairs = Table(
    "dataset_pairs",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("pair_id", ForeignKey("pairs.id"), nullable=False),
)
comparisons = Table(
    "comparisons",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("pair_id", ForeignKey("pairs.id"), nullable=False, index=True),
    Column("answer", String, nullable=False),
    Column("strength", Float),
    Column("labeller", Text, nullable=False, default=""),
)

# ---- studies and what their runs did --------------------------------------------------------------------------------
studies = Table(
    "studies",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("config", JSON, nullable=False),
    Column("config_sha256", String, nullable=False),
    Column("slots", JSON, nullable=False),
    Column("datasets", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    _at(),
)
runs = Table(
    "runs",
    metadata,
    _id(),
    Column("study_id", ForeignKey("studies.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("strategy", String, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("arm", String, nullable=False, default=""),
    Column("config", JSON, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("stage", String, nullable=False, default=""),
    Column("round", Integer, nullable=False, default=0),
    Column("progress", Text, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Column("edited", Boolean, nullable=False, default=False),
    Column("worker_id", ForeignKey("workers.id")),
    Column("lease_until", Float),
    Column("device", String),
    Column("provenance", JSON),
    _at("updated", nullable=True),
    UniqueConstraint("study_id", "strategy", "seed", "arm"),
)
stages = Table(
    "stages",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("stage", String, primary_key=True),
    Column("detail", JSON, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("peak_bytes", Integer, nullable=False),
    _at("finished"),
)
artefacts = Table(
    "artefacts",
    metadata,
    _number(),
    Column("run_id", ForeignKey("runs.id"), index=True),
    Column("round", Integer),
    Column("stage", String),
    Column("name", String, nullable=False),
    Column("path", String, nullable=False, unique=True),
    Column("bytes", Integer, nullable=False),
    Column("sha256", String, nullable=False),
    _at(),
)
pool_snapshots = Table(
    "pool_snapshots",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("n_pairs", Integer, nullable=False),
    Column("artefact_id", ForeignKey("artefacts.id"), nullable=False),
)
picks = Table(
    "picks",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("pair_id", ForeignKey("pairs.id"), nullable=False),
    Column("score", Float),
    Column("gain", Float),
    Column("why", JSON, nullable=False),
    Column("warm_up", Boolean, nullable=False, default=False),
    Column("by_person", ForeignKey("people.id")),
    Index("ix_picks_pair_id", "pair_id"),
)
labels = Table(
    "labels",
    metadata,
    _number(),
    Column("study_id", ForeignKey("studies.id"), nullable=False),
    Column("seed", Integer),
    Column("pair_id", ForeignKey("pairs.id"), nullable=False),
    Column("answer", String, nullable=False),
    Column("oracle", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("round", Integer, nullable=False),
    Column("person_id", ForeignKey("people.id")),
    Column("side_shown_first", String),
    Column("seconds", Float),
    Column("note", Text),
    Column("guideline_id", ForeignKey("guidelines.id")),
    Column("corrects", ForeignKey("labels.id")),
    _at(),
    CheckConstraint("answer IN ('a', 'b', 'tie', 'both_bad', 'skip')", name="answer"),
    Index("ix_labels_study_id_seed_pair_id", "study_id", "seed", "pair_id"),
)
metrics = Table(
    "metrics",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("name", String, primary_key=True),
    Column("split", String, primary_key=True),
    Column("value", Float),
    Column("n", Integer, nullable=False),
    Column("unit", String, nullable=False, default=""),
)

# ---- what the screen and people write -------------------------------------------------------------------------------
people = Table(
    "people",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("role", String, nullable=False),
    Column("token_sha256", String),
    _at(),
)
guidelines = Table(
    "guidelines", metadata, _number(), Column("study_id", ForeignKey("studies.id")), Column("text", Text), _at()
)
assignments = Table(
    "assignments",
    metadata,
    _number(),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("round", Integer, nullable=False),
    Column("pair_id", ForeignKey("pairs.id"), nullable=False),
    Column("person_id", ForeignKey("people.id")),
    Column("kind", String, nullable=False, default="label"),
    Column("state", String, nullable=False),
    Column("lease_until", Float),
    _at(),
)
selections = Table(
    "selections",
    metadata,
    _id(),
    Column("study_id", ForeignKey("studies.id")),
    Column("name", Text, nullable=False, default=""),
    Column("pair_ids", JSON, nullable=False),
    Column("made_from", JSON, nullable=False),
    _at(),
)
tasks = Table(
    "tasks",
    metadata,
    _number(),
    Column("kind", String, nullable=False),
    Column("wants", String, nullable=False, default="tools"),
    Column("request", JSON, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("progress", Text, nullable=False, default=""),
    Column("answer", JSON),
    Column("error", Text, nullable=False, default=""),
    Column("worker_id", ForeignKey("workers.id")),
    Column("lease_until", Float),
    _at(),
)
commands = Table(
    "commands",
    metadata,
    _number(),
    Column("study_id", ForeignKey("studies.id"), index=True),
    Column("run_id", ForeignKey("runs.id"), index=True),
    Column("what", String, nullable=False),
    Column("detail", JSON),
    _at(),
)

# ---- machinery ------------------------------------------------------------------------------------------------------
workers = Table(
    "workers",
    metadata,
    _id(),
    Column("kind", String, nullable=False),
    Column("device", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", String, nullable=False),
    Column("doing", Text, nullable=False, default=""),
    Column("last_word", Float, nullable=False),
    Column("lease_s", Float, nullable=False),
    Column("ended", Boolean, nullable=False, default=False),
)
plugins = Table(
    "plugins",
    metadata,
    Column("room", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("source", Text, nullable=False),
    Column("sha256", String, nullable=False),
    Column("fields", JSON, nullable=False),
    _at(),
)
revisions = Table(
    "revisions", metadata, Column("scope", String, primary_key=True), Column("n", Integer, nullable=False)
)
