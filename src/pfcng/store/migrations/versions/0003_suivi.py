"""What the suivi searches by, beside what it searches, and the indexes (guide §18)."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PRODUITS = """
-- A filter of table 19 may be about the demande while the order and the perimeter are about the produit: an index
-- serves both only where they are columns of one table. A demande's acteur and creation never change, nor does a
-- produit's bénéficiaire, so their copies can't go stale. porteur: whom the produit is for; of offre PS, the acteur.
ALTER TABLE produit
    ADD COLUMN demande_acteur text,
    ADD COLUMN demande_creee_le timestamptz,
    ADD COLUMN porteur text;
UPDATE produit p
SET demande_acteur = d.acteur, demande_creee_le = d.creee_le,
    porteur = CASE p.offre WHEN 'PS' THEN d.acteur ELSE p.id_nat_beneficiaire END
FROM demande d WHERE d.numero = p.demande;
ALTER TABLE produit
    ALTER COLUMN demande_acteur SET NOT NULL,
    ALTER COLUMN demande_creee_le SET NOT NULL;

CREATE FUNCTION copier_demande() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT d.acteur, d.creee_le INTO NEW.demande_acteur, NEW.demande_creee_le
    FROM demande d WHERE d.numero = NEW.demande;
    NEW.porteur := CASE NEW.offre WHEN 'PS' THEN NEW.demande_acteur ELSE NEW.id_nat_beneficiaire END;
    RETURN NEW;
END $$;
CREATE TRIGGER copier_demande BEFORE INSERT ON produit FOR EACH ROW EXECUTE FUNCTION copier_demande();

-- DEMANDES_CERTIFICAT of PRO, ORG and SERV: the acteur's own for a structure, newest first, a usage at a time.
-- PRODUITS with idNatActeur.
CREATE INDEX produit_suivi_acteur ON produit (environnement, demande_acteur, offre, id_nat_struct, usage, demande)
    WHERE id_nat_struct IS NOT NULL;
-- PRODUITS of a structure, newest first, a usage at a time.
CREATE INDEX produit_suivi_structure ON produit (environnement, id_nat_struct, offre, usage, demande)
    WHERE id_nat_struct IS NOT NULL;
-- Everything of offre PS; PRODUITS of a porteur; idNatBeneficiaire with any kind of PRO.
CREATE INDEX produit_suivi_porteur ON produit (environnement, porteur, offre, usage, demande)
    WHERE porteur IS NOT NULL;
-- PRODUITS of a structure with dateCreationDemande.
CREATE INDEX produit_suivi_jour ON produit (environnement, id_nat_struct, offre, usage, demande_creee_le)
    WHERE id_nat_struct IS NOT NULL;
-- DEMANDES_CERTIFICAT with dateCreationDemande.
CREATE INDEX produit_suivi_jour_acteur
    ON produit (environnement, demande_acteur, offre, id_nat_struct, usage, demande_creee_le)
    WHERE id_nat_struct IS NOT NULL;
-- indiceLot needs none of its own: demande (lot), then the unique produit (demande).
"""

REVOCATIONS = """
-- Idem: the perimeter of a révocation is that of its produit.
ALTER TABLE revocation
    ADD COLUMN offre text,
    ADD COLUMN usage text,
    ADD COLUMN id_nat_struct text,
    ADD COLUMN porteur text;
UPDATE revocation r
SET offre = p.offre, usage = p.usage, id_nat_struct = p.id_nat_struct, porteur = p.porteur
FROM produit p WHERE p.numero = r.produit;
ALTER TABLE revocation
    ALTER COLUMN offre SET NOT NULL,
    ALTER COLUMN usage SET NOT NULL;

CREATE FUNCTION copier_produit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT p.offre, p.usage, p.id_nat_struct, p.porteur INTO NEW.offre, NEW.usage, NEW.id_nat_struct, NEW.porteur
    FROM produit p WHERE p.numero = NEW.produit;
    RETURN NEW;
END $$;
CREATE TRIGGER copier_produit BEFORE INSERT ON revocation FOR EACH ROW EXECUTE FUNCTION copier_produit();

-- DEMANDES_REVOCATION of a structure, newest first, a usage at a time.
CREATE INDEX revocation_suivi_structure ON revocation (environnement, id_nat_struct, offre, usage, numero)
    WHERE id_nat_struct IS NOT NULL;
-- DEMANDES_REVOCATION of offre PS, of a porteur, and with idNatBeneficiaire.
CREATE INDEX revocation_suivi_porteur ON revocation (environnement, porteur, offre, usage, numero)
    WHERE porteur IS NOT NULL;
-- DEMANDES_REVOCATION with idNatActeur.
CREATE INDEX revocation_suivi_acteur ON revocation (environnement, acteur, offre, id_nat_struct, usage, numero)
    WHERE id_nat_struct IS NOT NULL;
-- DEMANDES_REVOCATION with dateCreationDemande.
CREATE INDEX revocation_suivi_jour ON revocation (environnement, id_nat_struct, offre, usage, creee_le)
    WHERE id_nat_struct IS NOT NULL;
"""


def upgrade() -> None:
    """Add the copied columns, what fills them, and the indexes."""
    for statements in (PRODUITS, REVOCATIONS):
        op.execute(statements)
