"""What a database proves of itself (docs/restore.md); the table may be there, made by the platform."""

from alembic import op

from pfcng.store.migrations import PLATFORM

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A database in which something was asked for may be a back-up from before this table: it is compared first.
CREATION = """
SELECT igc.attester('création', '')
WHERE NOT EXISTS (SELECT FROM igc.attestation) AND NOT EXISTS (SELECT FROM igc.certificat);
"""


def upgrade() -> None:
    """Add the table, what fills it, and the first row where nothing was asked for yet."""
    shared = PLATFORM.folder / "attestation" / "1.sql"
    for statements in (shared.read_text("utf-8"), CREATION):
        op.execute(statements)
