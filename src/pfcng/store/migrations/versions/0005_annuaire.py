"""The imported annuaire."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To be filled by its slice."""
    op.execute("SELECT 1")
