"""Every table of the store. `migrations/` builds the same in a database; a test holds the two against each other."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from engine.store.by_people import assignments, edits, guidelines, people, selections
from engine.store.columns import at, id_, members, metadata, number

__all__ = [
    "artefacts", "assignments", "commands", "comparisons", "dataset_pairs", "dataset_prompts", "dataset_responses",
    "datasets", "edits", "guidelines", "labels", "metadata", "metrics", "pairs", "people", "picks", "plugins",
    "pool_snapshots", "prompts", "responses", "revisions", "runs", "selections", "stages", "studies", "tasks",
    "upgrades", "workers",
]  # fmt: skip

# ---- texts: ids are hashes of content, shared by all data sets and runs --------------------------------------------
prompts = Table("prompts", metadata, id_(), Column("messages", JSON, nullable=False), Column("topic", Text, default=""))
responses = Table(
    "responses",
    metadata,
    id_(),
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
    id_(),
    Column("prompt_id", ForeignKey("prompts.id"), nullable=False, index=True),
    Column("a", ForeignKey("responses.id"), nullable=False),
    Column("b", ForeignKey("responses.id"), nullable=False),
    CheckConstraint("a < b", name="sides_in_hash_order"),
)
# ---- data sets: what a file held, and what it knew of the answers ---------------------------------------------------
datasets = Table(
    "datasets",
    metadata,
    id_(),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("format", String, nullable=False),
    Column("sha256", String, nullable=False, index=True),
    Column("rows", Integer, nullable=False),
    Column("refused", JSON, nullable=False),
    Column("dropped", JSON, nullable=False),
    Column("part", String, nullable=False, default=""),
    at(),
    Column("label_bank", Boolean),  # None: from before it was asked
    Column("whole", Boolean, nullable=False, default=True, server_default="1"),  # False while it is being written
)
dataset_prompts = members("dataset_prompts", "prompt_id", "prompts")
dataset_responses = members(
    "dataset_responses", "response_id", "responses", Column("score", Float), Column("aspects", JSON(none_as_null=True))
)
dataset_pairs = members("dataset_pairs", "pair_id", "pairs")
comparisons = Table(
    "comparisons",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("pair_id", ForeignKey("pairs.id"), nullable=False, index=True),
    Column("answer", String, nullable=False),
    Column("strength", Float),
    Column("labeller", Text, nullable=False, default=""),
    Column("share", Float),
)
# ---- studies and what their runs did --------------------------------------------------------------------------------
studies = Table(
    "studies",
    metadata,
    id_(),
    Column("name", Text, nullable=False),
    Column("config", JSON, nullable=False),
    Column("config_sha256", String, nullable=False),
    Column("slots", JSON, nullable=False),
    Column("datasets", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    at(),
)
runs = Table(
    "runs",
    metadata,
    id_(),
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
    at("updated", nullable=True),
    Column("priority", Integer, nullable=False, default=0, server_default="0"),
    Column("taken_over", Integer, nullable=False, default=0, server_default="0"),
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
    at("finished"),
    # What is summed over thousands of stages, without their details.
    Index("ix_stages_run_id_stage_round_seconds", "run_id", "stage", "round", "seconds"),
)
artefacts = Table(
    "artefacts",
    metadata,
    number(),
    Column("run_id", ForeignKey("runs.id"), index=True),
    Column("round", Integer),
    Column("stage", String),
    Column("name", String, nullable=False),
    Column("path", String, nullable=False, unique=True),
    Column("bytes", Integer, nullable=False),
    Column("sha256", String, nullable=False),
    at(),
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
    Column("pair_id", ForeignKey("pairs.id"), nullable=False, index=True),
    Column("score", Float),
    Column("gain", Float),
    Column("why", JSON, nullable=False),
    Column("warm_up", Boolean, nullable=False, default=False),
    Column("by_person", ForeignKey("people.id")),
)
labels = Table(
    "labels",
    metadata,
    number(),
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
    at(),
    Column("assignment_id", Integer),  # of a first answer; what corrects it names that row
    Column("strength", Float),
    CheckConstraint("answer IN ('a', 'b', 'tie', 'both_bad', 'skip')", name="answer"),
    Index("ix_labels_study_id_seed_pair_id", "study_id", "seed", "pair_id"),
    Index("ix_labels_assignment_id", "assignment_id", unique=True),  # an assignment is answered once
    Index("ix_labels_person_id", "person_id"),
    Index("ix_labels_corrects", "corrects", unique=True),  # and a row corrected once
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
tasks = Table(
    "tasks",
    metadata,
    number(),
    Column("kind", String, nullable=False),
    Column("wants", String, nullable=False, default="tools"),
    Column("request", JSON, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("progress", Text, nullable=False, default=""),
    Column("answer", JSON),
    Column("error", Text, nullable=False, default=""),
    Column("worker_id", ForeignKey("workers.id")),
    Column("lease_until", Float),
    at(),
)
commands = Table(
    "commands",
    metadata,
    number(),
    Column("study_id", ForeignKey("studies.id"), index=True),
    Column("run_id", ForeignKey("runs.id"), index=True),
    Column("what", String, nullable=False),
    Column("detail", JSON),
    at(),
)
# ---- machinery ------------------------------------------------------------------------------------------------------
workers = Table(
    "workers",
    metadata,
    id_(),
    Column("kind", String, nullable=False),
    Column("device", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", String, nullable=False),
    Column("doing", Text, nullable=False, default=""),
    Column("last_word", Float, nullable=False),
    Column("lease_s", Float, nullable=False),
    Column("ended", Boolean, nullable=False, default=False),
    Column("beat", Float, nullable=False, default=0.0, server_default="0"),
)
plugins = Table(
    "plugins",
    metadata,
    Column("room", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("sha256", String, primary_key=True),
    Column("source", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("about", JSON, nullable=False),
    at(),
)
revisions = Table(
    "revisions", metadata, Column("scope", String, primary_key=True), Column("n", Integer, nullable=False)
)
upgrades = Table(
    "upgrades", metadata, Column("schema", String, primary_key=True), Column("program", String, nullable=False), at()
)
