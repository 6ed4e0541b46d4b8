"""What the sandbox's demonstration file brought, so that what it no longer holds can be taken away."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ORIGIN = """
-- True for what the file held at the last start; imports and the command line add with false.
ALTER TABLE structure ADD COLUMN demonstration boolean NOT NULL DEFAULT false;
ALTER TABLE personne ADD COLUMN demonstration boolean NOT NULL DEFAULT false;
ALTER TABLE habilitation ADD COLUMN demonstration boolean NOT NULL DEFAULT false;

-- Each start looks for them among a million imported ones.
CREATE INDEX structure_demonstration ON structure (environnement, id_nat) WHERE demonstration;
CREATE INDEX personne_demonstration ON personne (environnement, id_nat) WHERE demonstration;
CREATE INDEX habilitation_demonstration ON habilitation (id) WHERE demonstration;
"""


def upgrade() -> None:
    """Remember where structures, persons and habilitations came from."""
    op.execute(ORIGIN)
