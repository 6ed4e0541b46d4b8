"""The annuaire as registers publish it, a million lines at once: COPY into staging tables, then one merge.

Everything happens on one connection and in its transaction: until the commit, others read the old annuaire; a kill
leaves it as it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from psycopg import sql

from pfcng.contract.catalogue import Environment
from pfcng.store.database import DbConnection

_LOCK: Final = 0x61_6E_6E_75
"""Key of the advisory lock under which one import at a time merges: "annu"."""


class StructureRow(NamedTuple):
    """A structure of a register of structures, with the code of its département."""

    id_nat: str
    raison_sociale: str
    departement: str


class PersonneRow(NamedTuple):
    """A person and one of their activities; a person has as many rows as activities.

    Attributes:
        nom: None in the row of a rejected line: the person may have structures that were not read.
        structure: National identifier of the structure of the activity.
        raison_sociale: Of that structure, with ``departement``, when the register tells both.
    """

    id_nat: str
    genre: str | None = None
    admin_asip: bool | None = None
    nom: str | None = None
    prenom: str | None = None
    titre: str | None = None
    profession: int | None = None
    savoir_faire: str | None = None
    structure: str | None = None
    raison_sociale: str | None = None
    departement: str | None = None


Row = StructureRow | PersonneRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a merge changed; what was there already and alike is not counted.

    Attributes:
        rattachements_ignores: Those to a structure that nothing describes.
    """

    structures_ajoutees: int
    structures_modifiees: int
    personnes_ajoutees: int
    personnes_modifiees: int
    rattachements_ajoutes: int
    rattachements_retires: int
    rattachements_ignores: int


_STAGING: Final = """
CREATE TEMP TABLE import_structure (
    ligne           bigint GENERATED ALWAYS AS IDENTITY,
    id_nat          text NOT NULL,
    raison_sociale  text NOT NULL,
    departement     text NOT NULL
) ON COMMIT DROP;

CREATE TEMP TABLE import_personne (
    ligne           bigint GENERATED ALWAYS AS IDENTITY,
    id_nat          text NOT NULL,
    genre           text,
    admin_asip      boolean,
    nom             text,
    prenom          text,
    titre           text,
    profession      smallint,
    savoir_faire    text,
    structure       text,
    raison_sociale  text,
    departement     text
) ON COMMIT DROP;
"""

_STRUCTURES: Final = """
CREATE TEMP TABLE import_structure_neuve ON COMMIT DROP AS
SELECT n.id_nat, n.raison_sociale, n.departement, s.id_nat IS NOT NULL AS connue
FROM (
    -- A register of structures knows its structures better than a line about a person; the last line counts.
    SELECT DISTINCT ON (id_nat) rang, id_nat, raison_sociale, departement
    FROM (
        SELECT 0 AS rang, ligne, id_nat, raison_sociale, departement FROM import_structure
        UNION ALL
        SELECT 1, ligne, i.structure, i.raison_sociale, i.departement FROM import_personne i
        JOIN (
            SELECT max(ligne) AS ligne FROM import_personne WHERE raison_sociale IS NOT NULL GROUP BY structure
        ) AS derniere USING (ligne)
    ) AS lue
    ORDER BY id_nat, rang, ligne DESC
) AS n
LEFT JOIN structure s ON s.environnement = %(environnement)s AND s.id_nat = n.id_nat
WHERE s.id_nat IS NULL
    -- A structure of FINESS that is known, only FINESS changes.
    OR (n.rang = 0 OR n.id_nat NOT LIKE '1%%')
        AND (s.raison_sociale, s.departement) IS DISTINCT FROM (n.raison_sociale, n.departement)
"""

_CHANGED_STRUCTURES: Final = """
UPDATE structure s SET raison_sociale = n.raison_sociale, departement = n.departement
FROM import_structure_neuve n WHERE n.connue AND s.environnement = %(environnement)s AND s.id_nat = n.id_nat
"""

_ADDED_STRUCTURES: Final = """
INSERT INTO structure (environnement, id_nat, raison_sociale, departement)
SELECT %(environnement)s::environnement, id_nat, raison_sociale, departement
FROM import_structure_neuve WHERE NOT connue ORDER BY id_nat
"""

_PERSONNES: Final = """
CREATE TEMP TABLE import_personne_neuve ON COMMIT DROP AS
-- The first line of a person names them, one of a profession that is exercised rather than learnt. A register that does
-- not know who is AdminASIP leaves it as it is.
SELECT g.id_nat, i.genre, coalesce(g.admin_asip, p.admin_asip, false) AS admin_asip,
    i.nom, i.prenom, i.titre, i.profession, g.savoir_faire, p.id_nat IS NOT NULL AS connue
FROM (
    SELECT id_nat, coalesce(min(ligne) FILTER (WHERE genre <> 'PF'), min(ligne)) AS ligne,
        bool_or(admin_asip) AS admin_asip,
        coalesce(array_agg(DISTINCT savoir_faire) FILTER (WHERE savoir_faire IS NOT NULL), '{}') AS savoir_faire
    FROM import_personne WHERE nom IS NOT NULL GROUP BY id_nat
) AS g
JOIN import_personne i USING (ligne)
LEFT JOIN personne p ON p.environnement = %(environnement)s AND p.id_nat = g.id_nat
WHERE p.id_nat IS NULL
    OR (p.genre, p.nom, p.prenom, p.titre, p.profession, p.savoir_faire, p.admin_asip) IS DISTINCT FROM
        (i.genre, i.nom, i.prenom, i.titre, i.profession, g.savoir_faire, coalesce(g.admin_asip, p.admin_asip))
"""

_CHANGED_PERSONNES: Final = """
UPDATE personne p SET genre = n.genre, admin_asip = n.admin_asip, nom = n.nom, prenom = n.prenom, titre = n.titre,
    profession = n.profession, savoir_faire = n.savoir_faire
FROM import_personne_neuve n WHERE n.connue AND p.environnement = %(environnement)s AND p.id_nat = n.id_nat
"""

_ADDED_PERSONNES: Final = """
INSERT INTO personne (environnement, id_nat, genre, admin_asip, nom, prenom, titre, profession, savoir_faire)
SELECT %(environnement)s::environnement, id_nat, genre, admin_asip, nom, prenom, titre, profession, savoir_faire
FROM import_personne_neuve WHERE NOT connue ORDER BY id_nat
"""

_RATTACHEMENTS: Final = """
CREATE TEMP TABLE import_rattachement ON COMMIT DROP AS
SELECT i.personne, i.structure, s.id_nat IS NOT NULL AS connue
FROM (
    SELECT DISTINCT id_nat AS personne, structure FROM import_personne WHERE nom IS NOT NULL AND structure IS NOT NULL
) AS i
LEFT JOIN structure s ON s.environnement = %(environnement)s AND s.id_nat = i.structure
"""

_ENDED: Final = """
DELETE FROM rattachement r
USING (SELECT id_nat FROM import_personne GROUP BY id_nat HAVING bool_and(nom IS NOT NULL)) AS lue
WHERE r.environnement = %(environnement)s AND r.personne = lue.id_nat
    AND NOT EXISTS (
        SELECT FROM import_rattachement i WHERE i.personne = r.personne AND i.structure = r.structure)
"""

_BEGUN: Final = """
INSERT INTO rattachement (environnement, personne, structure)
SELECT %(environnement)s::environnement, i.personne, i.structure FROM import_rattachement i
WHERE i.connue AND NOT EXISTS (
    SELECT FROM rattachement r
    WHERE r.environnement = %(environnement)s AND r.personne = i.personne AND r.structure = i.structure)
ORDER BY i.personne, i.structure
"""

_UNKNOWN: Final = "SELECT count(*) AS nombre FROM import_rattachement WHERE NOT connue"


def open_staging(connection: DbConnection) -> None:
    """Make the staging tables, which the end of the transaction drops; wait for an import that is under way."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    connection.execute(_STAGING)


def stage(connection: DbConnection, kind: type[Row], rows: Iterable[Row]) -> None:
    """Stream rows of one kind into staging."""
    table = "import_structure" if kind is StructureRow else "import_personne"
    columns = sql.SQL(", ").join(map(sql.Identifier, kind._fields))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def merge(connection: DbConnection, environment: Environment) -> Changes:
    """Bring the annuaire of an environment to what was staged.

    Persons and structures that were not staged stay. A staged person has exactly the staged structures that are known,
    and keeps those of before if one of their lines was rejected.
    """
    parameters = {"environnement": environment}

    def run(statement: str) -> int:
        return connection.execute(statement, parameters).rowcount

    # Nobody else changes the annuaire meanwhile, so that what is absent now can simply be inserted: with ON CONFLICT a
    # row costs three times as much. Readers go on.
    connection.execute("LOCK TABLE structure, personne, rattachement IN SHARE ROW EXCLUSIVE MODE")
    connection.execute("SET LOCAL work_mem = '24MB'")
    # Without statistics of what is new the planner may join a million rows one by one.
    connection.execute("ANALYZE import_structure, import_personne")
    run(_STRUCTURES)
    changed_structures, added_structures = run(_CHANGED_STRUCTURES), run(_ADDED_STRUCTURES)
    run(_PERSONNES)
    changed_personnes, added_personnes = run(_CHANGED_PERSONNES), run(_ADDED_PERSONNES)
    run(_RATTACHEMENTS)
    connection.execute("ANALYZE import_rattachement")
    ended, begun = run(_ENDED), run(_BEGUN)
    unknown = connection.execute(_UNKNOWN).fetchone()
    assert unknown is not None  # noqa: S101 - an aggregate always gives its row
    return Changes(
        structures_ajoutees=added_structures,
        structures_modifiees=changed_structures,
        personnes_ajoutees=added_personnes,
        personnes_modifiees=changed_personnes,
        rattachements_ajoutes=begun,
        rattachements_retires=ended,
        rattachements_ignores=unknown["nombre"],
    )
