"""What a database proves of itself, and numbers that go ahead when it cannot (docs/restore.md)."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# The application gives numbers and cannot set them back. Whoever may connect may make it jump: it costs nothing.
NUMEROS = """
CREATE FUNCTION avancer_numeros(au_dela bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    suite text;
    dernier bigint;
BEGIN
    FOREACH suite IN ARRAY ARRAY['indice_lot', 'numero_demande', 'numero_produit', 'numero_revocation'] LOOP
        EXECUTE format('SELECT last_value FROM public.%I', suite) INTO dernier;
        IF au_dela > dernier THEN
            PERFORM setval(format('public.%I', suite)::regclass, au_dela);
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION dernier_numero() RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT greatest((SELECT last_value FROM public.indice_lot), (SELECT last_value FROM public.numero_demande),
        (SELECT last_value FROM public.numero_produit), (SELECT last_value FROM public.numero_revocation))
$$;
"""

# A database in which something was ordered may be a back-up from before this table: it is compared first.
CREATION = """
SELECT igc.attester('création', '')
WHERE NOT EXISTS (SELECT FROM igc.attestation) AND NOT EXISTS (SELECT FROM demande);
"""


def upgrade() -> None:
    """Add the table, what fills it, and the first row where nothing was ordered yet."""
    shared = Path(__file__).parents[1] / "attestation" / "1.sql"
    for statements in (shared.read_text("utf-8"), NUMEROS, CREATION):
        op.execute(statements)
