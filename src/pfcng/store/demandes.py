"""Lots, demandes, produits and the history of their states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from psycopg.types.json import Jsonb

from pfcng.contract.catalogue import Environment
from pfcng.contract.messages import DemandeCertificat
from pfcng.domain.acteur import Acteur
from pfcng.domain.states import Transition
from pfcng.pki import names
from pfcng.store.courrier import FACTS
from pfcng.store.database import DbConnection, Row


class StateConflict(Exception):
    """A demande or produit is not in the state that the transition starts from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDemande:
    """A demande to be written, with what became of it.

    Attributes:
        numero: Number of the demande, also its indice de retrait.
        numero_produit: Number of the produit.
        acteur: None when the signer is not in the annuaire.
        outcome: The transition out of « Demande enregistrée ».
        hors_perimetre: It was refused and is for what its acteur does not administer: nobody else's suivi tells of it.
        demande_igc: What the authority will be asked for; None when refused.
        dn_sujet: Subject of the certificate to come, RFC 4514; None when refused.
        raison_sociale: Of the structure, when known.
        beneficiaire: Name and given name, when known.
        renouvelle: Number of the produit that is renewed.
    """

    numero: int
    numero_produit: int
    demande: DemandeCertificat
    acteur: Acteur | None
    outcome: Transition
    hors_perimetre: bool
    demande_igc: Mapping[str, Any] | None = None
    dn_sujet: str | None = None
    raison_sociale: str | None = None
    id_nat_beneficiaire: str | None = None
    beneficiaire: tuple[str, str] | None = None
    renouvelle: int | None = None


def next_numbers(connection: DbConnection, count: int) -> tuple[int, list[tuple[int, int]]]:
    """The next index of a lot, and the next numbers of that many demandes and their produits."""
    rows = connection.execute(
        """
        SELECT l.indice, nextval('numero_demande') AS demande, nextval('numero_produit') AS produit
        FROM (SELECT nextval('indice_lot') AS indice OFFSET 0) AS l, generate_series(1, %s)
        """,
        (count,),
    ).fetchall()
    return rows[0]["indice"], [(row["demande"], row["produit"]) for row in rows]


def last_number(connection: DbConnection) -> int:
    """The greatest number that a demande may have been given."""
    (row,) = connection.execute("SELECT last_value FROM numero_demande").fetchall()
    return int(row["last_value"])


def pass_numbers(connection: DbConnection, greatest: int) -> None:
    """Give no number up to that one any more, to lots, demandes, produits and révocations."""
    connection.execute("SELECT avancer_numeros(%s)", (greatest,))


def present_keys(connection: DbConnection, environment: Environment, keys: Mapping[bytes, int]) -> dict[bytes, Row]:
    """Record public keys as presented, each by one demande; the first to present a key keeps it.

    A concurrent lot with one of the keys is waited for. Keys go in sorted order: two lots never wait for each other.

    Args:
        connection: The transaction of the lot.
        environment: Keys of the other environment do not count.
        keys: Fingerprint → number of the demande that presents it.

    Returns:
        For each fingerprint that another demande had presented: that demande's ``numero``, ``acteur`` (full name),
        ``concerne`` (bénéficiaire or structure) and ``creee_le``.
    """
    ordered = sorted(keys)
    recorded = connection.execute(
        """
        INSERT INTO cle_presentee (environnement, empreinte, demande)
        SELECT %s, k.empreinte, k.demande FROM unnest(%s::bytea[], %s::bigint[]) WITH ORDINALITY
            AS k (empreinte, demande, rang) ORDER BY k.rang
        ON CONFLICT DO NOTHING RETURNING empreinte
        """,
        (environment, ordered, [keys[key] for key in ordered]),
    )
    refused = set(ordered) - {row["empreinte"] for row in recorded}
    if not refused:
        return {}
    rows = connection.execute(
        """
        SELECT c.empreinte, d.numero, d.creee_le, trim(d.prenom_acteur || ' ' || d.nom_acteur) AS acteur,
               coalesce(p.prenom_beneficiaire || ' ' || p.nom_beneficiaire, p.raison_sociale, p.id_nat_beneficiaire,
                        p.id_nat_struct, '') AS concerne
        FROM cle_presentee c JOIN demande d ON d.numero = c.demande JOIN produit p ON p.demande = d.numero
        WHERE c.environnement = %s AND c.empreinte = ANY(%s)
        """,
        (environment, list(refused)),
    )
    return {row["empreinte"]: row for row in rows}


def insert_lot(
    connection: DbConnection,
    *,
    indice: int,
    environment: Environment,
    signataire: str,
    statut: str,
    now: datetime,
    demandes: Sequence[NewDemande],
) -> dict[int, Row]:
    """Write a lot with its demandes and produits in their final state, and the history of the way there (D1).

    Returns:
        What mails tell of each demande, by number, in the order given.
    """
    told: dict[str, object] = {"lot": indice, "environnement": environment, "now": now}
    rows = Jsonb([_demande_row(new, signataire) for new in demandes])
    connection.execute(_LOT, {**told, "signataire": signataire, "statut": statut, "rows": rows})
    told |= {"rows": Jsonb([_produit_row(new) for new in demandes]), "numeros": [new.numero for new in demandes]}
    facts = connection.execute(_PRODUITS, told)
    by_number = {row["numero_demande"]: row for row in facts}
    return {new.numero: by_number[new.numero] for new in demandes}


# A statement costs more than what it writes: there are two, whatever the size of the lot. The trigger of produit reads
# its demande, which the first has written.
_LOT: Final = """
WITH l AS (INSERT INTO lot (indice, environnement, signataire, statut, recu_le)
           VALUES (%(lot)s, %(environnement)s, %(signataire)s, %(statut)s, %(now)s))
INSERT INTO demande (numero, environnement, lot, canal, acteur, nom_acteur, prenom_acteur, administrateur,
                     nom_administrateur, prenom_administrateur, mail_demandeur, mail_a_informer, etat, creee_le,
                     renouvelle)
SELECT numero, %(environnement)s, %(lot)s, 'WS', acteur, nom_acteur, prenom_acteur, administrateur,
       nom_administrateur, prenom_administrateur, mail_demandeur, mail_a_informer, etat, %(now)s, renouvelle
FROM jsonb_to_recordset(%(rows)s) AS r (
    numero bigint, acteur text, nom_acteur text, prenom_acteur text, administrateur text, nom_administrateur text,
    prenom_administrateur text, mail_demandeur text, mail_a_informer text, etat text, renouvelle bigint)
"""
_PRODUITS: Final = f"""
WITH r AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s) AS r (
        numero bigint, demande bigint, offre text, usage text, id_nat_struct text, raison_sociale text,
        id_nat_beneficiaire text, nom_beneficiaire text, prenom_beneficiaire text, nom_applicatif text, fqdn text[],
        upn text, mail_sujet text, etat text, hors_perimetre boolean, demande_igc jsonb, dn_sujet text,
        transition text, de text, de_demande text, etat_demande text)
), p AS (
    INSERT INTO produit (numero, demande, environnement, offre, usage, id_nat_struct, raison_sociale,
                         id_nat_beneficiaire, nom_beneficiaire, prenom_beneficiaire, nom_applicatif, fqdn, upn,
                         mail_sujet, etat, hors_perimetre, demande_igc, dn_sujet)
    SELECT numero, demande, %(environnement)s, offre, usage, id_nat_struct, raison_sociale, id_nat_beneficiaire,
           nom_beneficiaire, prenom_beneficiaire, nom_applicatif, fqdn, upn, mail_sujet, etat, hors_perimetre,
           demande_igc, dn_sujet
    FROM r RETURNING *
), h AS (
    INSERT INTO historique (objet, numero, de, vers, transition, le)
    SELECT v.objet, v.numero, v.de, v.vers, r.transition, %(now)s
    FROM r, LATERAL (VALUES ('demande', r.demande, r.de_demande, r.etat_demande),
                            ('produit', r.numero, r.de, r.etat)) AS v (objet, numero, de, vers)
    WHERE v.de <> v.vers
)
SELECT {FACTS} FROM p JOIN demande d ON d.numero = p.demande WHERE d.numero = ANY(%(numeros)s)
"""  # noqa: S608 - constants; by number, for a join alone would read the table of demandes whole


def _demande_row(new: NewDemande, signataire: str) -> dict[str, object]:
    personne = new.acteur.personne if new.acteur else None
    administrateur = new.acteur.administrateur if new.acteur else None
    return {
        "numero": new.numero,
        "acteur": personne.id_nat if personne else signataire,
        "nom_acteur": personne.nom if personne else "",
        "prenom_acteur": personne.prenom if personne else "",
        "administrateur": administrateur.id_nat if administrateur else None,
        "nom_administrateur": administrateur.nom if administrateur else None,
        "prenom_administrateur": administrateur.prenom if administrateur else None,
        "mail_demandeur": new.demande.mail_demandeur,
        "mail_a_informer": new.demande.mail_personne_a_informer,
        "etat": new.outcome.value.demande[1],
        "renouvelle": new.renouvelle,
    }


def _produit_row(new: NewDemande) -> dict[str, object]:
    demande, step = new.demande, new.outcome.value
    nom, prenom = new.beneficiaire or (None, None)
    return {
        "numero": new.numero_produit,
        "demande": new.numero,
        "offre": demande.offre,
        "usage": demande.usage,
        "id_nat_struct": demande.id_nat_struct,
        "raison_sociale": new.raison_sociale,
        "id_nat_beneficiaire": new.id_nat_beneficiaire or demande.id_nat_beneficiaire,
        "nom_beneficiaire": nom,
        "prenom_beneficiaire": prenom,
        "nom_applicatif": demande.nom_applicatif,
        "fqdn": demande.fqdn,
        "upn": demande.upn,
        "mail_sujet": demande.mail_sujet,
        "etat": step.produit[1],
        "hors_perimetre": new.hors_perimetre,
        "demande_igc": new.demande_igc,
        "dn_sujet": new.dn_sujet,
        "transition": new.outcome.name,
        "de": step.produit[0],
        "de_demande": step.demande[0],
        "etat_demande": step.demande[1],
    }


def find_demande(connection: DbConnection, environment: Environment, numero: int) -> Row | None:
    """The demande with its produit's columns (those of a retrait), or None; never one of the other environment."""
    return connection.execute(
        """
        SELECT d.numero, d.canal, d.acteur, d.administrateur, d.etat AS etat_demande,
               p.numero AS numero_produit, p.etat AS etat_produit, p.demande_igc, p.certificat
        FROM demande d JOIN produit p ON p.demande = d.numero
        WHERE d.numero = %s AND d.environnement = %s
        """,
        (numero, environment),
    ).fetchone()


def find_for_restore(connection: DbConnection, numero: int) -> Row:
    """What the platform holds of a demande, to compare it with what PFCNG-IGC holds."""
    [row] = connection.execute(
        """
        SELECT d.environnement, d.etat AS etat_demande, p.numero AS numero_produit, p.etat AS etat_produit,
               p.demande_igc, p.certificat,
               (SELECT max(r.revoque_le) FROM revocation r WHERE r.produit = p.numero) AS revoque_le
        FROM demande d JOIN produit p ON p.demande = d.numero WHERE d.numero = %s
        """,
        (numero,),
    ).fetchall()
    return row


def find_expired(connection: DbConnection, before: datetime) -> list[Row]:
    """The demandes created before that moment whose produit nobody has withdrawn, in both environments."""
    return connection.execute(
        """
        SELECT d.numero, d.etat AS etat_demande, p.etat AS etat_produit
        FROM produit p JOIN demande d ON d.numero = p.demande
        WHERE p.etat = 'Produit à retirer' AND p.demande_creee_le < %s ORDER BY p.demande_creee_le, d.numero
        """,
        (before,),
    ).fetchall()


def move(connection: DbConnection, numero: int, transition: Transition, now: datetime) -> None:
    """Apply a transition to a demande and its produit: compare-and-set, with the history.

    Raises:
        StateConflict: One of them is in another state; the transaction must be given up.
    """
    step = transition.value
    moved = connection.execute(
        """
        WITH d AS (UPDATE demande SET etat = %(demande)s WHERE numero = %(numero)s AND etat = %(de_demande)s
                   RETURNING numero),
             p AS (UPDATE produit SET etat = %(produit)s WHERE demande = %(numero)s AND etat = %(de_produit)s
                   RETURNING numero),
             h AS (INSERT INTO historique (objet, numero, de, vers, transition, le)
                   SELECT v.objet, v.numero, v.de, v.vers, %(transition)s, %(now)s FROM d, p, LATERAL (VALUES
                       ('demande', d.numero, %(de_demande)s, %(demande)s),
                       ('produit', p.numero, %(de_produit)s, %(produit)s)) AS v (objet, numero, de, vers)
                   WHERE v.de <> v.vers)
        SELECT FROM d, p
        """,
        {
            "numero": numero,
            "de_demande": step.demande[0],
            "demande": step.demande[1],
            "de_produit": step.produit[0],
            "produit": step.produit[1],
            "transition": transition.name,
            "now": now,
        },
    )
    if not moved.rowcount:
        raise StateConflict(numero, transition.name)


def store_certificate(
    connection: DbConnection, numero: int, certificate: x509.Certificate, code_hash: str | None = None
) -> None:
    """Keep the certificate of a demande's produit, before the move to « Produit retiré » in the same transaction.

    Args:
        connection: Its transaction.
        numero: The demande's.
        certificate: What was issued.
        code_hash: Hash of the code de révocation that came with the retrait, if there was one.
    """
    connection.execute(
        """
        UPDATE produit SET certificat = %s, numero_serie = %s, autorite = %s, debut_validite = %s, fin_validite = %s,
                           code_revocation = coalesce(%s, code_revocation)
        WHERE demande = %s AND certificat IS NULL
        """,
        (
            certificate.public_bytes(Encoding.DER),
            f"{certificate.serial_number:X}",
            names.rfc4514(certificate.issuer),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            code_hash,
            numero,
        ),
    )


def store_code_revocation(connection: DbConnection, numero: int, code_hash: str) -> None:
    """Keep the hash of the code de révocation that came with the latest retrait, of a certificate kept before."""
    connection.execute("UPDATE produit SET code_revocation = %s WHERE demande = %s", (code_hash, numero))
