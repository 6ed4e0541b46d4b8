-- What a database proves of itself (docs/restore.md), in the one schema that the platform's and PFCNG-IGC's own have.
-- Both chains of revisions run this, whichever comes first.
CREATE TABLE IF NOT EXISTS igc.attestation (
    numero          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    objet           text NOT NULL CHECK (objet IN ('création', 'réconciliation', 'bac à sable', 'suspicion')),
    le              timestamptz NOT NULL,
    detail          text NOT NULL,
    -- where the row was written: server, timeline, database, and the transaction that a copy of the row does not have
    systeme         bigint NOT NULL,
    ligne           integer NOT NULL,
    base            oid NOT NULL,
    ecrite_par      bigint NOT NULL
);

-- The same, as they are now; a standby has no timeline of its own. avancee: how far the log is on disk.
CREATE OR REPLACE FUNCTION igc.faits_de_la_base(OUT systeme bigint, OUT ligne integer, OUT base oid, OUT avancee bigint)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.system_identifier,
        CASE WHEN pg_is_in_recovery() THEN 0
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END,
        (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),
        CASE WHEN pg_is_in_recovery() THEN 0
            ELSE pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint END
    FROM pg_control_system() c
$$;

-- Not from a savepoint: its transaction has another number.
CREATE OR REPLACE FUNCTION igc.attester(objet text, detail text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO igc.attestation (objet, le, detail, systeme, ligne, base, ecrite_par)
    SELECT attester.objet, clock_timestamp(), attester.detail, f.systeme, f.ligne, f.base,
        pg_current_xact_id()::text::numeric % 4294967296
    FROM igc.faits_de_la_base() f
$$;
