"""Indexes of the suivi (guide §18)."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To be filled by its slice."""
    op.execute("SELECT 1")
