"""The first tables: annuaire, demandes and produits, journal, and the authority's own schema."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ANNUAIRE = """
-- Everything is kept under one environment and never read from the other (guide §13).
CREATE DOMAIN environnement AS text CHECK (VALUE IN ('TEST', 'PRODUCTION'));

CREATE TABLE structure (
    environnement   environnement NOT NULL,
    id_nat          text NOT NULL,
    raison_sociale  text NOT NULL,
    departement     text NOT NULL,
    PRIMARY KEY (environnement, id_nat)
);

CREATE TABLE personne (
    environnement   environnement NOT NULL,
    id_nat          text NOT NULL,
    genre           text NOT NULL CHECK (genre IN ('PS', 'PF', 'PE', 'PA')),
    admin_asip      boolean NOT NULL DEFAULT false,
    nom             text NOT NULL,
    prenom          text NOT NULL,
    titre           text NOT NULL,
    profession      smallint,
    savoir_faire    text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (environnement, id_nat)
);

-- The structures a person works for: a PRO produit needs one (guide §14.1).
CREATE TABLE rattachement (
    environnement   environnement NOT NULL,
    personne        text NOT NULL,
    structure       text NOT NULL,
    PRIMARY KEY (environnement, personne, structure),
    FOREIGN KEY (environnement, personne) REFERENCES personne ON DELETE CASCADE,
    FOREIGN KEY (environnement, structure) REFERENCES structure ON DELETE CASCADE
);

-- Explicit habilitations (guide §8): read by acteur, a few rows each.
CREATE TABLE habilitation (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environnement   environnement NOT NULL,
    acteur          text NOT NULL,
    offre           text NOT NULL CHECK (offre IN ('PRO', 'ORG', 'SERV')),
    id_nat_struct   text NOT NULL,
    domaine         text CHECK ((domaine IS NULL) = (offre = 'ORG')),
    debut           date,
    fin             date,
    UNIQUE NULLS NOT DISTINCT (environnement, acteur, offre, id_nat_struct, domaine),
    FOREIGN KEY (environnement, id_nat_struct) REFERENCES structure
);

-- Server certificates that ws-srv admits, by the canonical form of their DN (guide §10).
CREATE TABLE liste_blanche (
    dn_canonique    text PRIMARY KEY,
    dn              text NOT NULL
);
"""

DEMANDES = """
CREATE SEQUENCE indice_lot;
CREATE SEQUENCE numero_demande;
CREATE SEQUENCE numero_produit;

CREATE TABLE lot (
    indice          bigint PRIMARY KEY,
    environnement   environnement NOT NULL,
    signataire      text NOT NULL,
    statut          text NOT NULL,
    recu_le         timestamptz NOT NULL
);

CREATE TABLE demande (
    numero                  bigint PRIMARY KEY,
    environnement           environnement NOT NULL,
    lot                     bigint NOT NULL REFERENCES lot,
    canal                   text NOT NULL CHECK (canal IN ('WS', 'IHM')),
    acteur                  text NOT NULL,
    nom_acteur              text NOT NULL,
    prenom_acteur           text NOT NULL,
    administrateur          text,
    mail_demandeur          text NOT NULL,
    mail_a_informer         text NOT NULL,
    etat                    text NOT NULL CHECK (etat IN ('Demande enregistrée', 'Demande validée',
                                'Demande transmise', 'Demande close', 'Demande rejetée', 'Demande non traitée')),
    creee_le                timestamptz NOT NULL
);
CREATE INDEX ON demande (lot);

CREATE TABLE produit (
    numero                  bigint PRIMARY KEY,
    demande                 bigint NOT NULL UNIQUE REFERENCES demande,
    environnement           environnement NOT NULL,
    offre                   text NOT NULL CHECK (offre IN ('PS', 'PRO', 'ORG', 'SERV')),
    usage                   text NOT NULL CHECK (usage IN ('AUTH', 'AUTH_CLI', 'SIGN', 'S/MIME', 'SSL_SERV', 'CONF')),
    id_nat_struct           text,
    raison_sociale          text,
    id_nat_beneficiaire     text,
    nom_beneficiaire        text,
    prenom_beneficiaire     text,
    nom_applicatif          text,
    fqdn                    text[] NOT NULL DEFAULT '{}',
    upn                     text,
    mail_sujet              text,
    etat                    text NOT NULL CHECK (etat IN ('Produit demandé', 'Produit à retirer', 'Produit retiré',
                                'Produit actif', 'Produit annulé')),
    -- what PFCNG-IGC is asked for; absent where the demande was refused
    demande_igc             jsonb,
    dn_sujet                text,
    numero_serie            text,
    autorite                text,
    debut_validite          timestamptz,
    fin_validite            timestamptz,
    certificat              bytea,
    code_revocation         text,
    CHECK (demande_igc IS NOT NULL OR etat = 'Produit annulé'),
    CHECK (certificat IS NOT NULL OR etat NOT IN ('Produit retiré', 'Produit actif')),
    CHECK ((certificat IS NULL) = (numero_serie IS NULL)),
    UNIQUE (autorite, numero_serie)
);

-- One row a change of state; read by object.
CREATE TABLE historique (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    objet           text NOT NULL CHECK (objet IN ('demande', 'produit')),
    numero          bigint NOT NULL,
    de              text NOT NULL,
    vers            text NOT NULL,
    transition      text NOT NULL,
    le              timestamptz NOT NULL
);
CREATE INDEX ON historique (objet, numero);

-- A public key is presented once in an environment (RMT_ERR_001): the first one keeps it.
CREATE TABLE cle_presentee (
    environnement   environnement NOT NULL,
    empreinte       bytea NOT NULL,
    demande         bigint NOT NULL REFERENCES demande DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (environnement, empreinte)
);
"""

JOURNAL = """
CREATE TABLE journal (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    le              timestamptz NOT NULL,
    incident        text NOT NULL,
    acte            text NOT NULL,
    resultat        text NOT NULL,
    code            text,
    detail          text,
    environnement   environnement,
    acteur          text,
    administrateur  text,
    signataire      text,
    titulaire_tls   text,
    adresse         text,
    lot             bigint,
    demande         bigint
);
CREATE INDEX ON journal (incident);
"""

IGC = """
CREATE SCHEMA IF NOT EXISTS igc;

-- One row for each certificate that PFCNG-IGC was asked for. The demande's number is the key of idempotency; the
-- columns fill from left to right (register, I1, I3 of docs/life-of-a-demande.md) and never change once filled.
CREATE TABLE IF NOT EXISTS igc.certificat (
    numero          bigint PRIMARY KEY,
    requete         jsonb NOT NULL,
    enregistre_le   timestamptz NOT NULL,
    -- the authority that signs, by its subject key identifier
    emetteur        bytea CHECK (octet_length(emetteur) = 20),
    -- 128 bits, big-endian, the first one clear: fixed width, so that bytes sort and compare as numbers do
    numero_serie    bytea UNIQUE CHECK (octet_length(numero_serie) = 16 AND get_bit(numero_serie, 7) = 0),
    debut_validite  timestamptz,
    -- where the certificate says that CRLs and authorities are published
    adresses        jsonb,
    der             bytea,
    CHECK (num_nulls(emetteur, numero_serie, debut_validite, adresses) IN (0, 4)),
    CHECK (der IS NULL OR numero_serie IS NOT NULL)
);
"""


def upgrade() -> None:
    """Create every table."""
    for statements in (ANNUAIRE, DEMANDES, JOURNAL, IGC):
        op.execute(statements)
