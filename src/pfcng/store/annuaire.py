"""The annuaire, the explicit habilitations and the white list of ws-srv."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from pfcng.contract.catalogue import Environment, Offre
from pfcng.domain.annuaire import Annuaire, Genre, Habilitation, Personne, Structure
from pfcng.store.database import DbConnection, Row


def load_annuaire(
    connection: DbConnection,
    environment: Environment,
    *,
    personnes: Collection[str],
    structures: Collection[str] = (),
) -> Annuaire:
    """Read what one request needs, in one statement whatever the size of its lot.

    Habilitations are those of the persons named. Unknown identifiers are simply not in the result.
    """
    told = {"environnement": environment, "personnes": list(personnes), "structures": list(structures)}
    [read] = connection.execute(_READ, told).fetchall()
    return Annuaire(
        personnes={row["id_nat"]: _personne(row) for row in read["personnes"]},
        structures={row["id_nat"]: _structure(row) for row in read["structures"]},
        habilitations=_by_acteur(read["habilitations"]),
    )


_READ: Final = """
SELECT (SELECT coalesce(jsonb_agg(to_jsonb(p) || jsonb_build_object('structures', ARRAY(
            SELECT r.structure FROM rattachement r
            WHERE r.environnement = p.environnement AND r.personne = p.id_nat))), '[]')
        FROM personne p WHERE p.environnement = %(environnement)s AND p.id_nat = ANY(%(personnes)s)) AS personnes,
       (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]')
        FROM structure s WHERE s.environnement = %(environnement)s AND s.id_nat = ANY(%(structures)s)) AS structures,
       (SELECT coalesce(jsonb_agg(to_jsonb(h) ORDER BY h.id), '[]')
        FROM habilitation h
        WHERE h.environnement = %(environnement)s AND h.acteur = ANY(%(personnes)s)) AS habilitations
"""


def _by_acteur(rows: Iterable[Row]) -> dict[str, tuple[Habilitation, ...]]:
    held: dict[str, tuple[Habilitation, ...]] = {}
    for row in rows:
        habilitation = Habilitation(
            acteur=row["acteur"],
            offre=Offre(row["offre"]),
            id_nat_struct=row["id_nat_struct"],
            domaine=row["domaine"],
            debut=row["debut"] and date.fromisoformat(row["debut"]),
            fin=row["fin"] and date.fromisoformat(row["fin"]),
        )
        held[habilitation.acteur] = (*held.get(habilitation.acteur, ()), habilitation)
    return held


def _personne(row: Row) -> Personne:
    return Personne(
        environment=Environment(row["environnement"]),
        id_nat=row["id_nat"],
        genre=Genre(row["genre"]),
        admin_asip=row["admin_asip"],
        nom=row["nom"],
        prenom=row["prenom"],
        titre=row["titre"],
        profession=row["profession"],
        savoir_faire=tuple(row["savoir_faire"]),
        structures=frozenset(row["structures"]),
    )


def _structure(row: Row) -> Structure:
    return Structure(
        environment=Environment(row["environnement"]),
        id_nat=row["id_nat"],
        raison_sociale=row["raison_sociale"],
        departement=row["departement"],
    )


def save_structures(connection: DbConnection, structures: Iterable[Structure]) -> None:
    """Insert the structures, or bring those that exist up to date."""
    connection.cursor().executemany(
        """
        INSERT INTO structure (environnement, id_nat, raison_sociale, departement) VALUES (%s, %s, %s, %s)
        ON CONFLICT (environnement, id_nat)
        DO UPDATE SET raison_sociale = EXCLUDED.raison_sociale, departement = EXCLUDED.departement
        """,
        [(s.environment, s.id_nat, s.raison_sociale, s.departement) for s in structures],
    )


def save_personnes(connection: DbConnection, personnes: Collection[Personne]) -> None:
    """Insert the persons, or bring those that exist up to date, with exactly their structures."""
    cursor = connection.cursor()
    cursor.executemany(
        """
        INSERT INTO personne (environnement, id_nat, genre, admin_asip, nom, prenom, titre, profession, savoir_faire)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (environnement, id_nat) DO UPDATE SET genre = EXCLUDED.genre, admin_asip = EXCLUDED.admin_asip,
            nom = EXCLUDED.nom, prenom = EXCLUDED.prenom, titre = EXCLUDED.titre, profession = EXCLUDED.profession,
            savoir_faire = EXCLUDED.savoir_faire
        """,
        [
            (p.environment, p.id_nat, p.genre, p.admin_asip, p.nom, p.prenom, p.titre, p.profession, [*p.savoir_faire])
            for p in personnes
        ],
    )
    cursor.executemany(
        "DELETE FROM rattachement WHERE environnement = %s AND personne = %s",
        [(p.environment, p.id_nat) for p in personnes],
    )
    cursor.executemany(
        "INSERT INTO rattachement (environnement, personne, structure) VALUES (%s, %s, %s)",
        [(p.environment, p.id_nat, structure) for p in personnes for structure in sorted(p.structures)],
    )


def save_habilitations(
    connection: DbConnection, environment: Environment, habilitations: Iterable[Habilitation]
) -> None:
    """Insert the habilitations; one that exists keeps its place and takes the new days."""
    connection.cursor().executemany(_SAVE_HABILITATION, [_columns(environment, h) for h in habilitations])


_SAVE_HABILITATION: Final = """
INSERT INTO habilitation (environnement, acteur, offre, id_nat_struct, domaine, debut, fin)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (environnement, acteur, offre, id_nat_struct, domaine)
DO UPDATE SET debut = EXCLUDED.debut, fin = EXCLUDED.fin
"""


def _columns(environment: Environment, habilitation: Habilitation) -> tuple[object, ...]:
    h = habilitation
    return (environment, h.acteur, h.offre, h.id_nat_struct, h.domaine, h.debut, h.fin)


def declare_habilitation(connection: DbConnection, environment: Environment, habilitation: Habilitation) -> bool:
    """Insert one habilitation, or give one that exists the new days; whether it is new."""
    saved = connection.execute(
        f"{_SAVE_HABILITATION} RETURNING xmax = 0 AS ajoutee", _columns(environment, habilitation)
    ).fetchone()
    return saved is not None and bool(saved["ajoutee"])


def remove_habilitation(connection: DbConnection, environment: Environment, habilitation: Habilitation) -> bool:
    """Delete the habilitation of that acteur, offre, structure and domain, whatever its days; whether there was one."""
    deleted = connection.execute(
        """
        DELETE FROM habilitation WHERE environnement = %s AND acteur = %s AND offre = %s AND id_nat_struct = %s
            AND domaine IS NOT DISTINCT FROM %s
        """,
        _columns(environment, habilitation)[:5],
    )
    return deleted.rowcount > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredHabilitation:
    """An explicit habilitation, with the names that the annuaire gives to its parties.

    Attributes:
        acteur: Given name and name, or None when the annuaire does not know the acteur.
    """

    environment: Environment
    habilitation: Habilitation
    acteur: str | None
    raison_sociale: str


def list_habilitations(
    connection: DbConnection,
    environment: Environment | None = None,
    *,
    acteur: str | None = None,
    offre: Offre | None = None,
    id_nat_struct: str | None = None,
) -> list[DeclaredHabilitation]:
    """The explicit habilitations that meet every filter that is given."""
    rows = connection.execute(
        """
        SELECT h.*, p.prenom || ' ' || p.nom AS nom_acteur, s.raison_sociale
        FROM habilitation h
        JOIN structure s ON s.environnement = h.environnement AND s.id_nat = h.id_nat_struct
        LEFT JOIN personne p ON p.environnement = h.environnement AND p.id_nat = h.acteur
        WHERE (%(environnement)s::text IS NULL OR h.environnement = %(environnement)s)
            AND (%(acteur)s::text IS NULL OR h.acteur = %(acteur)s)
            AND (%(offre)s::text IS NULL OR h.offre = %(offre)s)
            AND (%(structure)s::text IS NULL OR h.id_nat_struct = %(structure)s)
        ORDER BY h.environnement, h.acteur, h.id_nat_struct, h.offre, h.domaine
        """,
        {"environnement": environment, "acteur": acteur, "offre": offre, "structure": id_nat_struct},
    )
    return [
        DeclaredHabilitation(
            environment=Environment(row["environnement"]),
            habilitation=Habilitation(
                acteur=row["acteur"],
                offre=Offre(row["offre"]),
                id_nat_struct=row["id_nat_struct"],
                domaine=row["domaine"],
                debut=row["debut"],
                fin=row["fin"],
            ),
            acteur=row["nom_acteur"],
            raison_sociale=row["raison_sociale"],
        )
        for row in rows
    ]


def is_white_listed(connection: DbConnection, dn_canonique: str) -> bool:
    """Whether ws-srv admits the holder of this canonical DN (guide §10)."""
    row = connection.execute("SELECT 1 FROM liste_blanche WHERE dn_canonique = %s", (dn_canonique,)).fetchone()
    return row is not None


def white_list(connection: DbConnection, dn_canonique: str, dn: str) -> bool:
    """Admit the holder of this DN at ws-srv; whether they were not yet."""
    added = connection.execute(
        "INSERT INTO liste_blanche (dn_canonique, dn) VALUES (%s, %s) ON CONFLICT DO NOTHING", (dn_canonique, dn)
    )
    return added.rowcount > 0


def remove_from_white_list(connection: DbConnection, dn_canonique: str) -> bool:
    """Admit the holder of this canonical DN no more; whether they were."""
    return connection.execute("DELETE FROM liste_blanche WHERE dn_canonique = %s", (dn_canonique,)).rowcount > 0


def read_white_list(connection: DbConnection) -> list[str]:
    """The DN of those whom ws-srv admits, as RFC 4514 writes them."""
    return [row["dn"] for row in connection.execute("SELECT dn FROM liste_blanche ORDER BY dn")]
