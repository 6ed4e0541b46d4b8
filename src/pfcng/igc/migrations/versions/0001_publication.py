"""What PFCNG-IGC signs and revokes: certificates of demandes, other certificates, revocations, CRLs.

The first two tables are older than this chain: where the platform made them, they are taken over.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CERTIFICATS = """
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

-- Every other certificate that an authority signed: a serial that is in neither table is nobody's.
CREATE TABLE igc.autre_certificat (
    emetteur        bytea NOT NULL CHECK (octet_length(emetteur) = 20),
    numero_serie    bytea NOT NULL CHECK (octet_length(numero_serie) BETWEEN 16 AND 20),
    objet           text NOT NULL CHECK (objet IN ('autorité', 'répondeur OCSP', 'serveur', 'carte')),
    fin_validite    timestamptz NOT NULL,
    der             bytea NOT NULL,
    PRIMARY KEY (emetteur, numero_serie)
);
"""

REVOCATIONS = """
CREATE TABLE IF NOT EXISTS igc.revocation (
    numero          bigint PRIMARY KEY REFERENCES igc.certificat,
    raison          text,
    revoque_le      timestamptz NOT NULL
);
-- A revocation is that of a serial, whoever asked for the certificate; ``ordre`` says which CRL is the first to have
-- it.
ALTER TABLE igc.revocation
    DROP CONSTRAINT revocation_pkey,
    ALTER COLUMN numero DROP NOT NULL,
    ADD UNIQUE (numero),
    ADD COLUMN ordre bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN emetteur bytea CHECK (octet_length(emetteur) = 20),
    ADD COLUMN numero_serie bytea CHECK (octet_length(numero_serie) BETWEEN 16 AND 20),
    ADD COLUMN fin_validite timestamptz;
UPDATE igc.revocation r
SET emetteur = c.emetteur, numero_serie = c.numero_serie, fin_validite = c.debut_validite + interval '3 years'
FROM igc.certificat c WHERE c.numero = r.numero;
ALTER TABLE igc.revocation
    ALTER COLUMN fin_validite SET NOT NULL,
    ADD PRIMARY KEY (emetteur, numero_serie);
-- A CRL reads the revocations of its authority, a delta those since its base.
CREATE INDEX revocation_ordre ON igc.revocation (emetteur, ordre);
"""

PUBLICATION = """
-- The CRLs of each authority, complete and delta under one numbering (RFC 5280 5.2.3); the newest of each kind is
-- what is published.
CREATE TABLE igc.crl (
    emetteur        bytea NOT NULL CHECK (octet_length(emetteur) = 20),
    numero          bigint NOT NULL,
    -- of a delta: number of the complete CRL that it adds to
    base            bigint,
    -- it has every revocation up to this ordre
    coupure         bigint NOT NULL,
    cette_maj       timestamptz NOT NULL,
    prochaine_maj   timestamptz NOT NULL,
    entrees         integer NOT NULL,
    -- how long it took to make: the bigger, the rarer
    duree           interval NOT NULL,
    der             bytea NOT NULL
);
CREATE UNIQUE INDEX crl_complete ON igc.crl (emetteur, numero) WHERE base IS NULL;
CREATE UNIQUE INDEX crl_delta ON igc.crl (emetteur, numero) WHERE base IS NOT NULL;
-- Signed, so it does not compress; read whole.
ALTER TABLE igc.crl ALTER COLUMN der SET STORAGE EXTERNAL;
"""


def upgrade() -> None:
    """Take the older tables over and add the others."""
    for statements in (CERTIFICATS, REVOCATIONS, PUBLICATION):
        op.execute(statements)
