"""The demonstration world in the database: exactly what its file holds, beside what was imported or added."""

from collections.abc import Collection, Iterable, Mapping

from pfcng.contract.catalogue import Environment
from pfcng.domain.annuaire import Habilitation, Personne, Structure
from pfcng.store.annuaire import save_habilitations, save_personnes, save_structures
from pfcng.store.database import DbConnection


def replace_demonstration(
    connection: DbConnection,
    *,
    structures: Collection[Structure],
    personnes: Collection[Personne],
    habilitations: Mapping[Environment, Collection[Habilitation]],
) -> None:
    """Take away what an earlier call brought and this one does not, and bring the rest up to date.

    A structure that a person or a right from elsewhere still needs stays.
    """
    for statement in (_HABILITATIONS_AWAY, _RATTACHEMENTS_AWAY, _PERSONNES_AWAY):
        connection.execute(statement)
    save_structures(connection, structures)
    save_personnes(connection, personnes)
    _mark(connection, _MARK_STRUCTURE, structures)
    _mark(connection, _MARK_PERSONNE, personnes)
    for environment, held in habilitations.items():
        save_habilitations(connection, environment, held)
        _mark_habilitations(connection, environment, held)
    for environment in Environment:
        kept = [structure.id_nat for structure in structures if structure.environment is environment]
        connection.execute(_STRUCTURES_AWAY, {"environnement": environment, "gardees": kept})


_HABILITATIONS_AWAY = "DELETE FROM habilitation WHERE demonstration"

_RATTACHEMENTS_AWAY = """
DELETE FROM rattachement r USING personne p
WHERE p.demonstration AND r.environnement = p.environnement AND r.personne = p.id_nat
"""

_PERSONNES_AWAY = "DELETE FROM personne WHERE demonstration"

_STRUCTURES_AWAY = """
DELETE FROM structure s
WHERE s.demonstration AND s.environnement = %(environnement)s AND NOT s.id_nat = ANY(%(gardees)s)
    AND NOT EXISTS (
        SELECT FROM habilitation h WHERE h.environnement = s.environnement AND h.id_nat_struct = s.id_nat)
    AND NOT EXISTS (
        SELECT FROM rattachement r WHERE r.environnement = s.environnement AND r.structure = s.id_nat)
"""

_MARK_STRUCTURE = "UPDATE structure SET demonstration = true WHERE environnement = %s AND id_nat = %s"

_MARK_PERSONNE = "UPDATE personne SET demonstration = true WHERE environnement = %s AND id_nat = %s"

_MARK_HABILITATION = """
UPDATE habilitation SET demonstration = true
WHERE environnement = %s AND acteur = %s AND offre = %s AND id_nat_struct = %s AND domaine IS NOT DISTINCT FROM %s
"""


def _mark(connection: DbConnection, statement: str, marked: Iterable[Structure | Personne]) -> None:
    connection.cursor().executemany(statement, [(one.environment, one.id_nat) for one in marked])


def _mark_habilitations(connection: DbConnection, environment: Environment, held: Iterable[Habilitation]) -> None:
    connection.cursor().executemany(
        _MARK_HABILITATION, [(environment, h.acteur, h.offre, h.id_nat_struct, h.domaine) for h in held]
    )
