"""Attempts of a révocation that PFCNG-IGC does not answer (RMT_ERR_012), and the reconciliations with it."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TENTATIVES = """
ALTER TABLE revocation
    -- attempts that PFCNG-IGC did not answer, and when the next one may be made
    ADD COLUMN tentatives integer NOT NULL DEFAULT 0,
    ADD COLUMN prochaine_tentative timestamptz;
"""

RECONCILIATIONS = """
-- One row for each comparison with PFCNG-IGC (docs/igc.md): without its end, it is under way or was interrupted.
CREATE TABLE reconciliation (
    numero          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commencee_le    timestamptz NOT NULL,
    terminee_le     timestamptz,
    comparees       bigint,
    differences     bigint,
    CHECK (num_nulls(terminee_le, comparees, differences) IN (0, 3))
);
"""


def upgrade() -> None:
    """Add the columns and the table."""
    for statements in (TENTATIVES, RECONCILIATIONS):
        op.execute(statements)
