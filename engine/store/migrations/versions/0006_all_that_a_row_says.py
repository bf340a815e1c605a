"""soft labels, scores by aspect, label banks, and data sets that are still being written"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns; what is there has none of it, and is whole."""
    op.add_column("comparisons", sa.Column("share", sa.Float()))
    op.add_column("dataset_responses", sa.Column("aspects", sa.JSON()))
    op.add_column("datasets", sa.Column("label_bank", sa.Boolean()))
    op.add_column("datasets", sa.Column("whole", sa.Boolean(), nullable=False, server_default="1"))
