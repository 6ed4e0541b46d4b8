"""What a worker counts for those who watch, and the incident number that goes from a request to what is done later."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MESURES = """
-- One row, written by one worker at a time, read at every scrape.
CREATE TABLE mesures (
    unique_ligne    boolean PRIMARY KEY DEFAULT true CHECK (unique_ligne),
    le              timestamptz NOT NULL,
    -- how long the counting took: what takes long is done less often
    duree           interval NOT NULL,
    nombres         jsonb NOT NULL
);
"""

INCIDENT = """
-- of the request, or of the act, that made the mail: the log of the worker that sends it has the same
ALTER TABLE courrier ADD COLUMN incident text;
-- idem, of the request that asked for it: a worker may carry it out days later
ALTER TABLE revocation ADD COLUMN incident text;
"""


def upgrade() -> None:
    """Add the table and the columns."""
    for statements in (MESURES, INCIDENT):
        op.execute(statements)
