"""What every node reads every few seconds of the révocations that were carried out lately."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INDEX = """
-- the certificates that no node believes any more, before the CRL of a PFCNG-IGC elsewhere has them
CREATE INDEX revocation_close ON revocation (revoque_le) WHERE etat = 'Demande close';
"""


def upgrade() -> None:
    """Add the index."""
    op.execute(INDEX)
