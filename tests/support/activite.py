"""The activity of a whole platform, generated in the database: who orders much, and who little.

A few structures and a few acteurs have most of everything, and their numbers grow with the platform's; the days follow
the numbers. One demande in ten is a stranger's, refused, and names a small structure and one bénéficiaire. Keys,
constraints between tables and the triggers that copy columns are left out while the rows are written: they are what a
test compares.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import psycopg

from pfcng.contract.catalogue import Environment, Offre, TypeDemande, Usage
from pfcng.store.suivi import Search

BIG_STRUCTURE: Final = "S0"
BIG_ACTEUR: Final = "A0"
PROFESSIONNEL: Final = "P7"
PORTEUR: Final = "E7"
_FIRST_DAY: Final = date(2023, 1, 1)
_DAYS: Final = 1_000

_GENERATION: Final = """
    SELECT setseed(0.5);
    SET LOCAL session_replication_role = replica;
    CREATE TEMPORARY TABLE activite ON COMMIT DROP AS
    SELECT n, CASE WHEN hasard1 < 0.85 THEN 'TEST' ELSE 'PRODUCTION' END AS environnement, o.offre,
           o.usages[1 + floor(hasard2 * cardinality(o.usages))::int] AS usage,
           'S' || CASE WHEN refuse THEN %(count)s / 50 * 3 / 4 ELSE floor(%(count)s / 50 * power(hasard3, 3))::int END
               AS structure,
           CASE o.offre WHEN 'PS' THEN 'P' || floor(hasard4 * %(count)s / 10)::int
                        ELSE 'A' || floor(%(count)s / 200 * power(hasard4, 3))::int END AS acteur,
           'E' || CASE WHEN refuse THEN 7 ELSE floor(hasard5 * %(count)s / 20)::int END AS employe,
           hasard6 < 0.8 AND NOT refuse AS emis, hasard7 < 0.1 AS revoque, refuse,
           timestamptz '2023-01-01 06:00+00' + n * (interval '1000 days' / %(count)s) AS creee_le
    FROM (SELECT n, random() AS hasard0, random() AS hasard1, random() AS hasard2, random() AS hasard3,
                 random() AS hasard4, random() AS hasard5, random() AS hasard6, random() AS hasard7, random() AS hasard8
          FROM generate_series(1, %(count)s) AS n) tirage
    JOIN (VALUES ('PS', 0.0, 0.3, ARRAY['AUTH', 'SIGN', 'CONF']), ('PRO', 0.3, 0.5, ARRAY['AUTH', 'SIGN', 'CONF']),
                 ('ORG', 0.5, 0.85, ARRAY['AUTH_CLI', 'AUTH_CLI', 'AUTH_CLI', 'SIGN', 'CONF']),
                 ('SERV', 0.85, 1.0, ARRAY['SSL_SERV', 'SSL_SERV', 'SSL_SERV', 'SSL_SERV', 'S/MIME']))
        AS o (offre, des, jusqua, usages) ON hasard0 >= o.des AND hasard0 < o.jusqua
    CROSS JOIN LATERAL (SELECT hasard8 < 0.1 AND o.offre <> 'PS' AS refuse) r;
    INSERT INTO lot (indice, environnement, signataire, statut, recu_le)
    SELECT lot, min(environnement), 'A', 'OK', min(creee_le) FROM (SELECT *, (n + 9) / 10 AS lot FROM activite) a
    GROUP BY lot;
    INSERT INTO demande (numero, environnement, lot, canal, acteur, nom_acteur, prenom_acteur, mail_demandeur,
                         mail_a_informer, etat, creee_le)
    SELECT n, environnement, (n + 9) / 10, 'WS', acteur, 'NOM', 'PRENOM', 'demandeur@hopital.example',
           'informer@hopital.example', CASE WHEN emis THEN 'Demande close' WHEN refuse THEN 'Demande rejetée'
                                            ELSE 'Demande validée' END, creee_le
    FROM activite ORDER BY n;
    INSERT INTO produit (numero, demande, environnement, offre, usage, id_nat_struct, raison_sociale,
                         id_nat_beneficiaire, nom_beneficiaire, prenom_beneficiaire, nom_applicatif, etat,
                         hors_perimetre, demande_igc, dn_sujet, numero_serie, autorite, debut_validite, fin_validite,
                         certificat, demande_acteur, demande_creee_le, porteur)
    SELECT n, n, environnement, offre, usage, CASE WHEN offre <> 'PS' THEN structure END,
           CASE WHEN offre <> 'PS' THEN 'HOPITAL FICTIF' END, personne, 'NOM', 'PRENOM', 'INSI-AUTO',
           CASE WHEN refuse THEN 'Produit annulé' WHEN NOT emis THEN 'Produit à retirer'
                WHEN revoque THEN 'Produit révoqué' ELSE 'Produit actif' END,
           refuse, CASE WHEN NOT refuse THEN '{}'::jsonb END, 'CN=INSI-AUTO,C=FR',
           CASE WHEN emis THEN upper(to_hex(n)) || 'ABCDEF0123456789ABCDEF' END,
           'CN=AC FICTIVE,C=FR', creee_le, creee_le + interval '3 years', CASE WHEN emis THEN '\\x00'::bytea END,
           acteur, creee_le, personne
    FROM (SELECT *, CASE offre WHEN 'PS' THEN acteur WHEN 'PRO' THEN employe END AS personne FROM activite) a
    ORDER BY n;
    INSERT INTO revocation (numero, environnement, produit, canal, acteur, nom_acteur, prenom_acteur, mail_demandeur,
                            mail_a_informer, motif, date_effet, etat, creee_le, revoque_le, offre, usage,
                            id_nat_struct, porteur)
    SELECT row_number() OVER (ORDER BY n), environnement, n, 'WS', acteur, 'NOM', 'PRENOM',
           'demandeur@hopital.example', 'informer@hopital.example', 'PERTE', creee_le::date, 'Demande close', creee_le,
           creee_le, offre, usage, CASE WHEN offre <> 'PS' THEN structure END,
           CASE offre WHEN 'PS' THEN acteur WHEN 'PRO' THEN employe END
    FROM activite WHERE emis AND revoque;
"""


def generate(dsn: str, count: int) -> None:
    """Write that many demandes and produits, a lot for ten of them and a révocation for one in twelve.

    Done as the owner of the database: the application's role may not leave triggers out.
    """
    with psycopg.connect(dsn) as connection:
        for statement in _GENERATION.split(";\n"):
            connection.execute(statement.encode(), {"count": count} if "%(" in statement else None)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def searches(count: int) -> list[tuple[str, Search]]:
    """A search for every combination of filters that table 19 allows, by name; for the big and for the small.

    Args:
        count: The size that was generated.
    """
    small = _Small(structure=f"S{count // 50 * 3 // 4}", acteur=f"A{count // 200 * 3 // 4}")
    return [
        (f"{kind.value} {offre.value} {who} {' '.join(filters) or 'sans filtre'}", search)
        for kind in TypeDemande
        for offre in Offre
        for who, base in _perimetres(kind, offre, small)
        for filters, search in _filtered(base, small)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Small:
    """Two of the many that have little."""

    structure: str
    acteur: str


def _perimetres(kind: TypeDemande, offre: Offre, small: _Small) -> list[tuple[str, Search]]:
    """What an acteur may look at before any filter."""
    base = Search(type_demande=kind, environment=Environment.TEST, offre=offre)
    if offre is Offre.PS:
        own = replace(base, porteur=PROFESSIONNEL)
        return [("du professionnel", replace(own, acteur=own.porteur) if kind is _DEMANDES else own)]
    structures = (("grande structure", BIG_STRUCTURE), ("petite structure", small.structure))
    if kind is _DEMANDES:
        return [
            (f"{who}, {where}", replace(base, acteur=acteur, id_nat_struct=structure))
            for who, acteur in (("gros acteur", BIG_ACTEUR), ("petit acteur", small.acteur))
            for where, structure in structures
        ]
    found = [(where, replace(base, id_nat_struct=structure)) for where, structure in structures]
    if offre is Offre.PRO:
        found.append(("du porteur", replace(base, id_nat_struct=BIG_STRUCTURE, porteur=PORTEUR)))
    return found


_DEMANDES: Final = TypeDemande.DEMANDES_CERTIFICAT
_USAGES: Final = {
    Offre.PS: Usage.CONF,
    Offre.PRO: Usage.CONF,
    Offre.ORG: Usage.SIGN,
    Offre.SERV: Usage.SMIME,
}


def _filtered(search: Search, small: _Small) -> list[tuple[list[str], Search]]:
    """The search under every set of the filters its kind and its offre let it have."""
    changes: list[tuple[str, dict[str, object]]] = [
        ("usage", {"usage": _USAGES[search.offre]}),
        ("dateCreationDemande", {"day": date.fromordinal(_FIRST_DAY.toordinal() + _DAYS // 2)}),
    ]
    if search.type_demande is _DEMANDES:
        changes.append(("indiceLot", {"lot": 37}))
    else:
        changes.append(("idNatActeur", {"acteur": PROFESSIONNEL if search.offre is Offre.PS else small.acteur}))
    if search.offre in {Offre.PS, Offre.PRO}:
        changes.append(("idNatBeneficiaire", {"beneficiaire": search.porteur or PORTEUR}))
    result: list[tuple[list[str], Search]] = [([], search)]
    for name, change in changes:
        result += [([*names, name], replace(under, **change)) for names, under in result]  # type: ignore[arg-type]
    return result
