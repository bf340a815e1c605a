"""every version of a plugin is kept, with what it says of itself"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table anew: SQLite cannot change a primary key. Its rows are kept."""
    op.rename_table("plugins", "plugins_before")
    op.create_table(
        "plugins",
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("room", "name", "sha256", name=op.f("pk_plugins")),
    )
    columns = "room, name, sha256, source, fields"
    op.execute(f"INSERT INTO plugins ({columns}, about, created) SELECT {columns}, '{{}}', created FROM plugins_before")  # noqa: S608
    op.drop_table("plugins_before")
