"""what people change about a batch that is under review, row by row"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; like labels its rows stay as they were written."""
    op.create_table(
        "edits",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("pair_id", sa.String()),
        sa.Column("other_id", sa.String()),
        sa.Column("undoes", sa.Integer()),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON()),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_edits_run_id_runs")),
        sa.ForeignKeyConstraint(["pair_id"], ["pairs.id"], name=op.f("fk_edits_pair_id_pairs")),
        sa.ForeignKeyConstraint(["other_id"], ["pairs.id"], name=op.f("fk_edits_other_id_pairs")),
        sa.ForeignKeyConstraint(["undoes"], ["edits.id"], name=op.f("fk_edits_undoes_edits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edits")),
    )
    op.create_index(op.f("ix_edits_run_id"), "edits", ["run_id"])
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER edits_refuse_{verb.lower()} BEFORE {verb} ON edits "
            "BEGIN SELECT RAISE(ABORT, 'edits are append-only: an undo is a new row'); END"
        )
