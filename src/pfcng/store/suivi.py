"""The search of a suivi: one statement a kind, on an index whatever the filters. Source: guide §18; table 19.

The numbers of the newest lines come first, usage by usage since every index has the usage before the number; then the
few lines they are for are read whole, each by its key: LATERAL with a LIMIT is what keeps the planner from reading a
whole table instead. The cost follows the answer, not the tables.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from psycopg import DataError, adapters
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from pfcng.contract.catalogue import Environment, Offre, TypeDemande, Usage
from pfcng.store.database import DbConnection, Row

MAX_RESULTATS: Final = 500
"""N_max: lines in one reply (guide §18)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for. Every value that is not None is a filter, and all of them count.

    Attributes:
        lot: Index of the lot of the demande; only with demandes.
        day: Day of Europe/Paris on which the demande, or the révocation, was made.
        acteur: Who asked.
        porteur: Whom the produit is for, by the rights of who searches.
        beneficiaire: Whom the produit is for, by the request.
    """

    type_demande: TypeDemande
    environment: Environment
    offre: Offre
    usage: Usage | None = None
    lot: int | None = None
    day: date | None = None
    id_nat_struct: str | None = None
    acteur: str | None = None
    porteur: str | None = None
    beneficiaire: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A moment or a day that the database has and Python does not: ``infinity``, the year 10000, before Christ."""

    text: str


class _Guarded(Loader):
    """Reads a moment or a day; one that cannot be read is a value of its row, not the end of the answer."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        loader = adapters.get_loader(oid, Format.TEXT)
        assert loader is not None  # noqa: S101 - psycopg has one of every type that is registered below
        self._load = loader(oid, context).load

    def load(self, data: Buffer) -> object:
        try:
            return self._load(data)
        except DataError:
            return Unreadable(bytes(data).decode())


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a kind is searched: a table with the columns of the perimeter.

    Attributes:
        number: Column whose order is that of age.
        reading: The statement that reads the lines whose numbers are in ``trouve``.
        shown: What a row must be to be shown to others than its acteur.
    """

    table: str
    number: str
    acteur: str
    created: str
    reading: str
    shown: tuple[str, ...] = ()


_ACT_COLUMNS: Final = """
    a.canal, a.creee_le, a.acteur, a.nom_acteur, a.prenom_acteur, a.administrateur, a.nom_administrateur,
    a.prenom_administrateur, a.mail_demandeur, a.mail_a_informer
"""
_PRODUIT_COLUMNS: Final = """
    p.etat AS etat_produit, p.offre, p.usage, p.id_nat_struct, p.raison_sociale, p.porteur, p.nom_beneficiaire,
    p.prenom_beneficiaire, p.nom_applicatif, p.fqdn, p.mail_sujet, p.dn_sujet, p.numero_serie, p.autorite,
    p.debut_validite, p.fin_validite, p.demande_igc IS NOT NULL AS validee
"""
_OF_A_DEMANDE: Final = f"""
    {_ACT_COLUMNS}, {_PRODUIT_COLUMNS},
    EXISTS (SELECT FROM revocation r WHERE r.produit = p.numero AND r.etat = 'Demande enregistrée')
        AS revocation_en_cours,
    NULL AS motif, NULL AS autre_description, NULL AS date_effet
    FROM trouve CROSS JOIN LATERAL (SELECT * FROM demande WHERE numero = trouve.numero LIMIT 1) a
    CROSS JOIN LATERAL (SELECT * FROM produit WHERE demande = a.numero LIMIT 1) p
"""  # noqa: S608 - constants of this module
_SOURCES: Final = {
    TypeDemande.DEMANDES_CERTIFICAT: _Source(
        table="produit",
        number="demande",
        acteur="demande_acteur",
        created="demande_creee_le",
        reading=f"SELECT a.numero, a.etat, {_OF_A_DEMANDE} ORDER BY a.numero DESC",
    ),
    # Produits are as old as their demandes, and their numbers were drawn together.
    TypeDemande.PRODUITS: _Source(
        table="produit",
        number="demande",
        acteur="demande_acteur",
        created="demande_creee_le",
        reading=f"SELECT p.numero, p.etat, {_OF_A_DEMANDE} ORDER BY p.numero DESC",
        shown=("NOT s.hors_perimetre",),
    ),
    TypeDemande.DEMANDES_REVOCATION: _Source(
        table="revocation",
        number="numero",
        acteur="acteur",
        created="creee_le",
        reading=f"""
            SELECT a.numero, a.etat, {_ACT_COLUMNS}, {_PRODUIT_COLUMNS},
                   a.etat = 'Demande enregistrée' AS revocation_en_cours, a.motif, a.autre_description, a.date_effet
            FROM trouve CROSS JOIN LATERAL (SELECT * FROM revocation WHERE numero = trouve.numero LIMIT 1) a
            CROSS JOIN LATERAL (SELECT * FROM produit WHERE numero = a.produit LIMIT 1) p
            ORDER BY a.numero DESC
        """,  # noqa: S608 - idem
    ),
}


def find(connection: DbConnection, search: Search) -> list[Row]:
    """The newest lines, newest first; one more than ``MAX_RESULTATS`` when there are more.

    Never prepared: a generic plan would not know which acteur or structure is the big one. A damaged row is among them
    as it is, ``Unreadable`` where it cannot be read.
    """
    cursor = connection.cursor()
    for guarded in ("timestamptz", "date"):
        cursor.adapters.register_loader(guarded, _Guarded)
    return cursor.execute(statement(search), parameters(search), prepare=False).fetchall()


def statement(search: Search) -> str:
    """The statement of a search: its text depends on which filters are set, never on their values."""
    source = _SOURCES[search.type_demande]
    conditions = " AND ".join(_conditions(search, source))
    newest = f"ORDER BY {source.number} DESC LIMIT {MAX_RESULTATS + 1}"
    return f"""
        WITH trouve AS (
            SELECT l.{source.number} AS numero
            FROM unnest(%(usages)s::text[]) AS u (usage)
            CROSS JOIN LATERAL (SELECT s.{source.number} FROM {source.table} s WHERE {conditions} {newest}) l
            {newest}
        )
        {source.reading}
    """  # noqa: S608 - idem; values are parameters


def _conditions(search: Search, source: _Source) -> list[str]:
    """The filters that are set; a day begins and ends in Europe/Paris, 23 or 25 hours long twice a year."""
    always = ["s.environnement = %(environment)s", "s.offre = %(offre)s", "s.usage = u.usage", *source.shown]
    optional = (
        (search.lot, "s.demande = ANY (ARRAY(SELECT numero FROM demande WHERE lot = %(lot)s))"),
        (search.day, f"s.{source.created} >= (%(day)s::date)::timestamp AT TIME ZONE 'Europe/Paris'"),
        (search.day, f"s.{source.created} < (%(day)s::date + 1)::timestamp AT TIME ZONE 'Europe/Paris'"),
        (search.id_nat_struct, "s.id_nat_struct = %(id_nat_struct)s"),
        (search.acteur, f"s.{source.acteur} = %(acteur)s"),
        (search.porteur, "s.porteur = %(porteur)s"),
        (search.beneficiaire, "s.porteur = %(beneficiaire)s"),
    )
    return always + [condition for value, condition in optional if value is not None]


def parameters(search: Search) -> dict[str, object]:
    """The values of a search. Without a usage all of them count: a refused demande may have one its offre has not."""
    return {
        "environment": search.environment,
        "offre": search.offre,
        "usages": [usage.value for usage in (Usage if search.usage is None else (search.usage,))],
        "lot": search.lot,
        "day": search.day,
        "id_nat_struct": search.id_nat_struct,
        "acteur": search.acteur,
        "porteur": search.porteur,
        "beneficiaire": search.beneficiaire,
    }
