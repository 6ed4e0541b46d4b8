"""What a worker asks each minute of the révocations that the platform asked for itself."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEX = """
-- whether an undelivered produit was dealt with lately (RMT_ERR_009)
CREATE INDEX revocation_automatique ON revocation (produit) WHERE canal = 'AUTO';
"""


def upgrade() -> None:
    """Add the index."""
    op.execute(INDEX)
