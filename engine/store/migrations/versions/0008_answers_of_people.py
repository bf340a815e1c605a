"""what people answer: by assignment, with its strength; what an assignment knows, and who may no longer answer"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns; two indexes let an assignment be answered once, and a row be corrected once."""
    op.add_column("labels", sa.Column("assignment_id", sa.Integer()))
    op.add_column("labels", sa.Column("strength", sa.Float()))
    op.add_column("assignments", sa.Column("position", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("assignments", sa.Column("known", sa.String()))
    op.add_column("assignments", sa.Column("side_first", sa.String()))
    op.add_column("people", sa.Column("study_id", sa.String()))
    op.add_column("people", sa.Column("gone", sa.Boolean(), nullable=False, server_default="0"))
    op.create_index("ix_labels_assignment_id", "labels", ["assignment_id"], unique=True)
    op.create_index("ix_labels_person_id", "labels", ["person_id"])
    op.create_index("ix_labels_corrects", "labels", ["corrects"], unique=True)
    op.create_index("ix_assignments_run_id_pair_id", "assignments", ["run_id", "pair_id"])
    op.create_index("ix_assignments_run_id_state_round", "assignments", ["run_id", "state", "round"])
    op.create_index("ix_assignments_person_id", "assignments", ["person_id"])
