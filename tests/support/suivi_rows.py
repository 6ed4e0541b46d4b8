"""Demandes, produits and révocations of a suivi, written as they would stand at some point of their lives."""

from datetime import UTC, date, datetime
from typing import Any, Final

from psycopg import sql

from pfcng.store.database import Database
from support.demandes import AGENT, HOPITAL
from support.platform import EDITEUR, NOW

AUTORITE: Final = "CN=TEST AC FICTIVE,O=ASIP-SANTE,C=FR"
FIN: Final = datetime(2029, 7, 1, 9, 30, tzinfo=UTC)
_DEMANDE: Final[dict[str, Any]] = {
    "environnement": "TEST",
    "canal": "WS",
    "acteur": EDITEUR,
    "nom_acteur": "GARNIER-TEST",
    "prenom_acteur": "DENISE",
    "administrateur": None,
    "nom_administrateur": None,
    "prenom_administrateur": None,
    "mail_demandeur": "demandeur@hopital.example",
    "mail_a_informer": "informer@hopital.example",
    "creee_le": NOW,
}
_PRODUIT: Final[dict[str, Any]] = {
    "offre": "ORG",
    "usage": "AUTH_CLI",
    "id_nat_struct": HOPITAL,
    "raison_sociale": "HOPITAL FICTIF DES LILAS",
    "id_nat_beneficiaire": None,
    "nom_beneficiaire": None,
    "prenom_beneficiaire": None,
    "nom_applicatif": "INSI-AUTO",
    "fqdn": [],
    "mail_sujet": None,
    "dn_sujet": "CN=INSI-AUTO,O=HOPITAL FICTIF DES LILAS,C=FR",
    "demande_igc": "{}",
}
PRO: Final[dict[str, Any]] = {
    "offre": "PRO",
    "usage": "SIGN",
    "id_nat_beneficiaire": AGENT,
    "nom_beneficiaire": "PETIT-TEST",
    "prenom_beneficiaire": "LUC",
    "nom_applicatif": None,
    "mail_sujet": "sujet@hopital.example",
    "dn_sujet": "CN=PETIT-TEST,C=FR",
}
PS: Final[dict[str, Any]] = {
    "offre": "PS",
    "usage": "SIGN",
    "id_nat_struct": None,
    "raison_sociale": None,
    "nom_applicatif": None,
}
_STATES: Final = {
    "Produit demandé": "Demande enregistrée",
    "Produit à retirer": "Demande validée",
    "Produit retiré": "Demande transmise",
    "Produit actif": "Demande close",
    "Produit annulé": "Demande rejetée",
    "Produit révoqué": "Demande close",
}


def add_produit(database: Database, numero: int, *, etat: str = "Produit actif", lot: int = 1, **changes: Any) -> None:
    """A demande and its produit, whose number is 1 000 more, in that state; ``changes`` are columns of either."""
    demande = {**_DEMANDE, **{name: value for name, value in changes.items() if name in _DEMANDE}}
    produit = {**_PRODUIT, **{name: value for name, value in changes.items() if name not in _DEMANDE}}
    if etat in {"Produit retiré", "Produit actif", "Produit révoqué"}:
        issued = {"certificat": b"DER", "numero_serie": f"0{numero:X}AB", "autorite": AUTORITE}
        produit = {**issued, "debut_validite": NOW, "fin_validite": FIN, **produit}
    environnement = demande["environnement"]
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO lot VALUES (%s, %s, %s, 'OK', %s) ON CONFLICT DO NOTHING",
            (lot, environnement, demande["acteur"], NOW),
        )
    _insert(database, "demande", {**demande, "numero": numero, "lot": lot, "etat": _STATES[etat]})
    known = {"numero": numero + 1_000, "demande": numero, "environnement": environnement, "etat": etat}
    _insert(database, "produit", {**produit, **known})


def add_revocation(database: Database, numero: int, produit: int, **changes: Any) -> None:
    """A révocation that waits for a later day, or what ``changes`` says."""
    row = {
        **_DEMANDE,
        "produit": produit,
        "motif": "PERTE",
        "autre_description": None,
        "date_effet": date(2026, 7, 14),
        "etat": "Demande enregistrée",
        **changes,
    }
    _insert(database, "revocation", {**row, "numero": numero})


def _insert(database: Database, table: str, row: dict[str, Any]) -> None:
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Placeholder, row)),
    )
    with database.transaction() as connection:
        connection.execute(query, row)
