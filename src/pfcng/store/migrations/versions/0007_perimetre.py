"""What was asked for by somebody without rights on the perimeter is not among the produits of others (guide §18)."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PERIMETRE = """
-- Set when the demande is refused and its acteur administers no such perimeter: whoever names a structure or a person
-- in a request must not thereby write into their PRODUITS.
ALTER TABLE produit ADD COLUMN hors_perimetre boolean NOT NULL DEFAULT false;
UPDATE produit p SET hors_perimetre = true
FROM demande d
WHERE d.numero = p.demande AND p.demande_igc IS NULL AND p.offre <> 'PS' AND NOT EXISTS (
    SELECT FROM habilitation h
    WHERE h.environnement = p.environnement AND h.acteur = d.acteur AND h.id_nat_struct = p.id_nat_struct
      AND (h.offre = p.offre OR h.offre = 'SERV' AND p.offre = 'ORG')
      AND (d.creee_le AT TIME ZONE 'Europe/Paris')::date
          BETWEEN coalesce(h.debut, '-infinity'::date) AND coalesce(h.fin, 'infinity'::date)
);
ALTER TABLE produit ADD CHECK (NOT hors_perimetre OR demande_igc IS NULL);
"""

# However much strangers ask for, a search of PRODUITS reads none of it: it is not in the indexes of PRODUITS.
INDEXES = """
DROP INDEX produit_suivi_structure, produit_suivi_jour, produit_suivi_porteur;
-- PRODUITS of a structure, newest first, a usage at a time.
CREATE INDEX produit_suivi_structure ON produit (environnement, id_nat_struct, offre, usage, demande)
    WHERE id_nat_struct IS NOT NULL AND NOT hors_perimetre;
-- PRODUITS of a structure with dateCreationDemande.
CREATE INDEX produit_suivi_jour ON produit (environnement, id_nat_struct, offre, usage, demande_creee_le)
    WHERE id_nat_struct IS NOT NULL AND NOT hors_perimetre;
-- PRODUITS of offre PS, of a porteur, and with idNatBeneficiaire.
CREATE INDEX produit_suivi_porteur ON produit (environnement, porteur, offre, usage, demande)
    WHERE porteur IS NOT NULL AND NOT hors_perimetre;
-- DEMANDES_CERTIFICAT of offre PS, and with idNatBeneficiaire: the acteur's own, refused ones included.
CREATE INDEX produit_suivi_demandeur ON produit (environnement, demande_acteur, porteur, offre, usage, demande)
    WHERE porteur IS NOT NULL;
"""


def upgrade() -> None:
    """Mark the produits that are nobody else's and leave them out of the indexes of PRODUITS."""
    for statements in (PERIMETRE, INDEXES):
        op.execute(statements)
