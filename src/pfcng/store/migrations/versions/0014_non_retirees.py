"""What a worker asks each minute of the demandes that were not withdrawn: by their age, not all of them."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEX = """
-- demandes whose time to be withdrawn is over (RMT_ERR_008); it was by number, for the same question alone
DROP INDEX produit_a_retirer;
CREATE INDEX produit_a_retirer ON produit (demande_creee_le) WHERE etat = 'Produit à retirer';
"""


def upgrade() -> None:
    """Put the index in another order."""
    op.execute(INDEX)
