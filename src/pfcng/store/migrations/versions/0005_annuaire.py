"""The imported annuaire: rattachements are checked a statement at a time, not a row at a time."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RATTACHEMENTS = """
-- An import adds a million rattachements in one statement: its two foreign keys, looked up row by row, took nine tenths
-- of the time. The rule is the same, looked up in one join; nothing deletes persons or structures.
ALTER TABLE rattachement
    DROP CONSTRAINT rattachement_environnement_personne_fkey,
    DROP CONSTRAINT rattachement_environnement_structure_fkey;

CREATE FUNCTION rattachement_existant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- count, not EXISTS: for one row the planner would look up a million rows one by one after all.
    IF (SELECT count(*) FROM ajoute a
        LEFT JOIN personne p ON p.environnement = a.environnement AND p.id_nat = a.personne
        LEFT JOIN structure s ON s.environnement = a.environnement AND s.id_nat = a.structure
        WHERE p.id_nat IS NULL OR s.id_nat IS NULL) > 0
    THEN
        RAISE foreign_key_violation USING MESSAGE = 'rattachement of an unknown person or structure';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER rattachement_ajoute AFTER INSERT ON rattachement
    REFERENCING NEW TABLE AS ajoute FOR EACH STATEMENT EXECUTE FUNCTION rattachement_existant();
CREATE TRIGGER rattachement_modifie AFTER UPDATE ON rattachement
    REFERENCING NEW TABLE AS ajoute FOR EACH STATEMENT EXECUTE FUNCTION rattachement_existant();
"""


def upgrade() -> None:
    """Replace the foreign keys of rattachement."""
    op.execute(RATTACHEMENTS)
