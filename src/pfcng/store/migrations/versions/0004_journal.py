"""The sealed journal (traçabilité): waiting digests, seals, the application's role (docs/journal.md)."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
-- Written with each entry, in its transaction: the digest it had, until its seal (docs/journal.md, J1).
CREATE TABLE journal_attente (
    entree      bigint PRIMARY KEY,
    empreinte   bytea NOT NULL CHECK (octet_length(empreinte) = 32)
);

-- The chain: each seal carries the hash of the one before it (J2). No foreign key: a seal outlives its entry.
CREATE TABLE journal_sceau (
    rang        bigint PRIMARY KEY CHECK (rang > 0),
    entree      bigint NOT NULL UNIQUE,
    precedent   bytea NOT NULL CHECK (octet_length(precedent) = 32),
    empreinte   bytea NOT NULL CHECK (octet_length(empreinte) = 32),
    scelle_le   timestamptz NOT NULL
);
"""

# The same encoding as pfcng.store.journal.digest and pfcng.store.sealing.seal_hash; a test holds them together.
DIGESTS = """
CREATE FUNCTION journal_champ(valeur text) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN valeur IS NULL THEN '\\x00'::bytea
        ELSE '\\x01'::bytea || int4send(octet_length(convert_to(valeur, 'UTF8'))) || convert_to(valeur, 'UTF8') END
$$;

CREATE FUNCTION journal_micros(moment timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (extract(epoch FROM moment) * 1000000)::bigint
$$;

CREATE FUNCTION journal_empreinte(e journal) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to('pfcng.journal.1', 'UTF8')
        || public.journal_champ(e.id::text) || public.journal_champ(public.journal_micros(e.le)::text)
        || public.journal_champ(e.incident) || public.journal_champ(e.acte) || public.journal_champ(e.resultat)
        || public.journal_champ(e.code) || public.journal_champ(e.detail) || public.journal_champ(e.environnement)
        || public.journal_champ(e.acteur) || public.journal_champ(e.administrateur)
        || public.journal_champ(e.signataire) || public.journal_champ(e.titulaire_tls)
        || public.journal_champ(e.adresse) || public.journal_champ(e.lot::text)
        || public.journal_champ(e.demande::text))
$$;
"""

INSERTION = """
CREATE FUNCTION journal_attendre() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.journal_attente (entree, empreinte) VALUES (NEW.id, public.journal_empreinte(NEW));
    RETURN NULL;
END
$$;
CREATE TRIGGER attendre AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_attendre();

-- Entries that are older than this revision wait for their seal like new ones.
INSERT INTO journal_attente (entree, empreinte) SELECT j.id, journal_empreinte(j) FROM journal j;
"""

# One sealer at a time, whoever calls: a caller that finds another at work has nothing to do. The application may call
# this function and has no other way to write a seal. The lock's key is "journal" in ASCII. Each statement inside sees
# what was committed when it began, so the head is read after the lock was taken. An entry that is gone or is not what
# it was keeps its digest waiting, which the verification finds; the first such one is told. Plans are kept for a
# session's life, and one that was made over empty tables would read them whole for each entry: hence enable_seqscan.
SEALING = """
CREATE FUNCTION journal_sceller(limite integer, OUT scellees integer, OUT suspecte bigint) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    courant bigint;
    tete bytea;
    suivante bytea;
    maintenant timestamptz := clock_timestamp();
    attendue record;
    presente bytea;
    traitees bigint[] := '{}';
BEGIN
    scellees := 0;
    IF NOT pg_try_advisory_xact_lock(29958897753022828) THEN
        RETURN;
    END IF;
    SELECT s.rang, s.empreinte INTO courant, tete FROM public.journal_sceau s ORDER BY s.rang DESC LIMIT 1;
    courant := coalesce(courant, 0);
    tete := coalesce(tete, decode(repeat('00', 32), 'hex'));
    FOR attendue IN SELECT a.entree, a.empreinte FROM public.journal_attente a ORDER BY a.entree LOOP
        EXIT WHEN scellees >= limite;
        SELECT public.journal_empreinte(j) INTO presente FROM public.journal j WHERE j.id = attendue.entree;
        IF presente IS DISTINCT FROM attendue.empreinte THEN
            suspecte := coalesce(suspecte, attendue.entree);
            CONTINUE;
        END IF;
        suivante := sha256(tete || int8send(courant + 1) || int8send(public.journal_micros(maintenant))
            || attendue.empreinte);
        INSERT INTO public.journal_sceau (rang, entree, precedent, empreinte, scelle_le)
        VALUES (courant + 1, attendue.entree, tete, suivante, maintenant) ON CONFLICT (entree) DO NOTHING;
        traitees := traitees || attendue.entree;
        IF FOUND THEN
            courant := courant + 1;
            tete := suivante;
            scellees := scellees + 1;
        END IF;
    END LOOP;
    DELETE FROM public.journal_attente a WHERE a.entree = ANY (traitees);
END
$$;
REVOKE ALL ON FUNCTION journal_sceller(integer) FROM PUBLIC;
"""

# Refusals for everybody, the owner and the superuser too, but in a maintenance act, which leaves an entry itself.
GUARDS = """
CREATE FUNCTION journal_garder() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('pfcng.maintenance_journal', true) IS DISTINCT FROM 'oui' THEN
        RAISE EXCEPTION 'Le journal ne se modifie pas : % refusé sur %.', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege', HINT = 'docs/journal-exploitation.md, « Maintenance ».';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION journal_dire_maintenance() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.journal (le, incident, acte, resultat, detail, signataire)
    VALUES (clock_timestamp(), left(replace(gen_random_uuid()::text, '-', ''), 16), 'maintenance du journal',
        'accepté', lower(TG_OP) || ' ' || TG_TABLE_NAME, session_user);
    RETURN NULL;
END
$$;

-- A digest leaves the waiting ones when its entry is sealed.
CREATE FUNCTION journal_garder_attente() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.journal_sceau s WHERE s.entree = OLD.entree)
       AND current_setting('pfcng.maintenance_journal', true) IS DISTINCT FROM 'oui' THEN
        RAISE EXCEPTION 'Le journal ne se modifie pas : l’entrée % n’est pas encore scellée.', OLD.entree
            USING ERRCODE = 'insufficient_privilege', HINT = 'docs/journal-exploitation.md, « Maintenance ».';
    END IF;
    RETURN OLD;
END
$$;

CREATE TRIGGER garder BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_garder();
CREATE TRIGGER garder BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_sceau
    FOR EACH STATEMENT EXECUTE FUNCTION journal_garder();
CREATE TRIGGER garder BEFORE UPDATE OR TRUNCATE ON journal_attente
    FOR EACH STATEMENT EXECUTE FUNCTION journal_garder();
CREATE TRIGGER garder_attendues BEFORE DELETE ON journal_attente
    FOR EACH ROW EXECUTE FUNCTION journal_garder_attente();
CREATE TRIGGER dire AFTER UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_dire_maintenance();
CREATE TRIGGER dire AFTER UPDATE OR DELETE OR TRUNCATE ON journal_sceau
    FOR EACH STATEMENT EXECUTE FUNCTION journal_dire_maintenance();
CREATE TRIGGER dire AFTER UPDATE OR TRUNCATE ON journal_attente
    FOR EACH STATEMENT EXECUTE FUNCTION journal_dire_maintenance();

-- session_replication_role = replica does not silence them.
ALTER TABLE journal ENABLE ALWAYS TRIGGER garder, ENABLE ALWAYS TRIGGER dire;
ALTER TABLE journal_sceau ENABLE ALWAYS TRIGGER garder, ENABLE ALWAYS TRIGGER dire;
ALTER TABLE journal_attente ENABLE ALWAYS TRIGGER garder, ENABLE ALWAYS TRIGGER garder_attendues,
    ENABLE ALWAYS TRIGGER dire;
"""

# What the application needs and no more, on what the caller owns; later revisions' tables by default privileges. An
# administrator who makes the role by hand calls this function after it.
RIGHTS = """
CREATE FUNCTION accorder_droits_application() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    objet record;
BEGIN
    GRANT USAGE ON SCHEMA public, igc TO pfcng_app;
    FOR objet IN
        SELECT c.oid::regclass AS nom, c.relkind FROM pg_class c
        WHERE c.relnamespace IN ('public'::regnamespace, 'igc'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'S')
          AND pg_has_role(current_user, c.relowner, 'USAGE')
          AND c.relname NOT IN ('alembic_version', 'journal', 'journal_sceau', 'journal_attente',
                                'journal_id_seq')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                          AND d.deptype = 'e')
    LOOP
        IF objet.relkind = 'S' THEN
            EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE %s TO pfcng_app', objet.nom);
        ELSE
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s TO pfcng_app', objet.nom);
        END IF;
    END LOOP;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public, igc GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO pfcng_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public, igc GRANT USAGE, SELECT ON SEQUENCES TO pfcng_app;
    REVOKE ALL ON public.journal, public.journal_sceau, public.journal_attente FROM pfcng_app;
    GRANT SELECT ON public.journal, public.journal_sceau, public.journal_attente, public.alembic_version TO pfcng_app;
    -- the number is the database's to give
    GRANT INSERT (le, incident, acte, resultat, code, detail, environnement, acteur, administrateur, signataire,
        titulaire_tls, adresse, lot, demande) ON public.journal TO pfcng_app;
    GRANT EXECUTE ON FUNCTION public.journal_sceller(integer) TO pfcng_app;
END
$$;
REVOKE ALL ON FUNCTION accorder_droits_application() FROM PUBLIC;
"""

# The role belongs to the server, not to this database: another database may have made it, at this very moment too. An
# account that may not make it goes on without: the application says so whenever it starts (store/database.py).
ROLE = """
DO $$
BEGIN
    IF to_regrole('pfcng_app') IS NULL THEN
        CREATE ROLE pfcng_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN NULL;
END
$$;
DO $$
BEGIN
    IF to_regrole('pfcng_app') IS NOT NULL
       AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT pfcng_app TO CURRENT_USER;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END
$$;
DO $$
BEGIN
    IF to_regrole('pfcng_app') IS NOT NULL THEN
        PERFORM public.accorder_droits_application();
    END IF;
END
$$;
"""


def upgrade() -> None:
    """Add the seals, their guards, and the application's role."""
    for statements in (TABLES, DIGESTS, INSERTION, SEALING, GUARDS, RIGHTS, ROLE):
        op.execute(statements)
