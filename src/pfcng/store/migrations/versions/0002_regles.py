"""Revocations, renewals, cancellations, protected addresses: the tables behind all the rules (guide §7.2, §16, §17)."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATES = """
ALTER TABLE demande
    DROP CONSTRAINT demande_etat_check,
    ADD CONSTRAINT demande_etat_check CHECK (etat IN ('Demande enregistrée', 'Demande validée', 'Demande transmise',
        'Demande close', 'Demande rejetée', 'Demande non traitée', 'Demande annulée'));
ALTER TABLE produit
    DROP CONSTRAINT produit_etat_check,
    ADD CONSTRAINT produit_etat_check CHECK (etat IN ('Produit demandé', 'Produit à retirer', 'Produit retiré',
        'Produit actif', 'Produit annulé', 'Produit révoqué'));
ALTER TABLE historique
    DROP CONSTRAINT historique_objet_check,
    ADD CONSTRAINT historique_objet_check CHECK (objet IN ('demande', 'produit', 'revocation'));
"""

DEMANDES = """
ALTER TABLE demande
    ADD COLUMN nom_administrateur text,
    ADD COLUMN prenom_administrateur text,
    -- the produit that this demande renews (guide §17)
    ADD COLUMN renouvelle bigint REFERENCES produit;
"""

REVOCATIONS = """
CREATE SEQUENCE numero_revocation;

CREATE TABLE revocation (
    numero                  bigint PRIMARY KEY,
    environnement           environnement NOT NULL,
    produit                 bigint NOT NULL REFERENCES produit,
    canal                   text NOT NULL CHECK (canal IN ('WS', 'IHM', 'AUTO')),
    acteur                  text NOT NULL,
    nom_acteur              text NOT NULL,
    prenom_acteur           text NOT NULL,
    administrateur          text,
    nom_administrateur      text,
    prenom_administrateur   text,
    mail_demandeur          text NOT NULL,
    mail_a_informer         text NOT NULL,
    motif                   text NOT NULL CHECK (motif IN ('VOL', 'PERTE', 'FIN_DACTIVITE', 'AUTRE')),
    autre_description       text CHECK ((autre_description IS NOT NULL) = (motif = 'AUTRE')),
    -- a day of Europe/Paris: the certificate counts until its first second
    date_effet              date NOT NULL,
    etat                    text NOT NULL
        CHECK (etat IN ('Demande enregistrée', 'Demande close', 'Demande non traitée')),
    creee_le                timestamptz NOT NULL,
    revoque_le              timestamptz,
    CHECK ((revoque_le IS NOT NULL) = (etat = 'Demande close'))
);
-- one waiting révocation a produit, found by its day
CREATE UNIQUE INDEX revocation_en_cours ON revocation (produit) WHERE etat = 'Demande enregistrée';
CREATE INDEX revocation_due ON revocation (date_effet) WHERE etat = 'Demande enregistrée';

-- what is not withdrawn is cancelled after a while (RMT_ERR_008)
CREATE INDEX produit_a_retirer ON produit (demande) WHERE etat = 'Produit à retirer';
-- a certificate is found by its serial number (guide §16, §17)
CREATE INDEX produit_numero_serie ON produit (numero_serie);

CREATE TABLE IF NOT EXISTS igc.revocation (
    numero      bigint PRIMARY KEY REFERENCES igc.certificat,
    raison      text,
    revoque_le  timestamptz NOT NULL
);
"""

ADRESSES = """
-- Who holds a protected address (guide §7.2): locked by whoever asks for it, so that of two at once one wins.
CREATE TABLE adresse_protegee (
    environnement   environnement NOT NULL,
    adresse         text NOT NULL,
    titulaire       text NOT NULL,
    PRIMARY KEY (environnement, adresse)
);
CREATE INDEX produit_mail_sujet ON produit (environnement, lower(mail_sujet)) WHERE mail_sujet IS NOT NULL;

-- A key of a certificate revoked for VOL or PERTE is refused for ever, in both environments (RMT_ERR_001).
CREATE TABLE cle_bannie (
    empreinte       bytea PRIMARY KEY
);
"""


def upgrade() -> None:
    """Add the tables and widen the states."""
    for statements in (STATES, DEMANDES, REVOCATIONS, ADRESSES):
        op.execute(statements)
