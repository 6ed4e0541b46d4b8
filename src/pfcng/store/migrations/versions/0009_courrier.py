"""Mails, reminders, and the queue of the workers (procrastinate's own schema); docs/later.md."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COURRIER = """
-- One mail to one recipient, written with the change that it tells (M1). contenu: what the text needs, no secret.
CREATE TABLE courrier (
    numero          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification    text NOT NULL,
    role            text NOT NULL CHECK (role IN ('mailDemandeur', 'mailPersonneAInformer')),
    destinataire    text NOT NULL,
    environnement   environnement NOT NULL,
    demande         bigint,
    revocation      bigint,
    contenu         jsonb NOT NULL,
    etat            text NOT NULL DEFAULT 'à envoyer'
        CHECK (etat IN ('à envoyer', 'envoyé', 'refusé', 'abandonné')),
    cree_le         timestamptz NOT NULL,
    -- the beginning of its tries: another than cree_le once it was sent again by hand
    depuis          timestamptz NOT NULL,
    tentatives      integer NOT NULL DEFAULT 0,
    -- why the latest try failed, or the mail was given up
    raison          text,
    termine_le      timestamptz,
    CHECK ((termine_le IS NULL) = (etat = 'à envoyer'))
);
-- what waits: few, whatever was sent before
CREATE INDEX courrier_a_envoyer ON courrier (numero) WHERE etat = 'à envoyer';
-- the purge
CREATE INDEX courrier_termine ON courrier (termine_le) WHERE termine_le IS NOT NULL;
-- « pfcng courrier lister --demande », and NMG-014 once a révocation
CREATE INDEX courrier_demande ON courrier (demande) WHERE demande IS NOT NULL;
CREATE INDEX courrier_revocation ON courrier (revocation) WHERE revocation IS NOT NULL;

-- A reminder is sent once, however often it is looked for.
CREATE TABLE rappel (
    produit         bigint NOT NULL REFERENCES produit,
    jours           smallint NOT NULL,
    fait_le         timestamptz NOT NULL,
    PRIMARY KEY (produit, jours)
);
-- produits by the end of their validity: reminders
CREATE INDEX produit_actif_fin ON produit (fin_validite) WHERE etat = 'Produit actif';
-- issued and never delivered: RMT_ERR_009
CREATE INDEX produit_retire ON produit (debut_validite) WHERE etat = 'Produit retiré';
-- whether a produit was renewed
CREATE INDEX demande_renouvelle ON demande (renouvelle) WHERE renouvelle IS NOT NULL;
"""

# The job of a mail is looked for by its lock (« pfcng courrier relancer »), and so is, at each fetch, another job with
# the same lock: without this, a fetch reads every job that waits.
VERROUS = """
CREATE INDEX courrier_verrou_tache ON procrastinate_jobs (lock) WHERE status IN ('todo', 'doing');
"""


def upgrade() -> None:
    """Add the tables of the mails, and those of procrastinate as version 3.10 has them."""
    folder = Path(__file__).parents[1] / "procrastinate"
    for statements in (COURRIER, (folder / "3.10.sql").read_text("utf-8"), VERROUS):
        op.execute(statements)
