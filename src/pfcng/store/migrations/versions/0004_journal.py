"""The sealed journal (traçabilité)."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To be filled by its slice."""
    op.execute("SELECT 1")
