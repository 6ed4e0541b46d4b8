"""One line of a suivi, from its row. Source: guide §18.2 table 21.

An element that the table gives to the kind is always there, and empty where its rule says « vide » or nothing is known.
It is absent where the table gives the kind no cross, or makes it depend on the offre (« si l’offre est … »).
"""

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from pfcng.contract.catalogue import TABLE_11, Offre, Presence, Product, TypeDemande, Usage
from pfcng.contract.messages import Resultat
from pfcng.contract.paris import PARIS
from pfcng.domain.states import ProduitState
from pfcng.domain.suivi import elements
from pfcng.store.database import Row
from pfcng.store.suivi import Unreadable

_NO_CERTIFICATE: Final = (ProduitState.DEMANDE, ProduitState.A_RETIRER, ProduitState.ANNULE)
"""The states in which table 21 leaves numeroSerie and dnAutorite empty."""
_ALWAYS: Final = (
    *("etat", "canal", "creee_le", "acteur", "nom_acteur", "prenom_acteur", "mail_demandeur", "mail_a_informer"),
    *("etat_produit", "fqdn"),
)
"""The columns that every row has; empty is a value."""
_OF_A_REVOCATION: Final = ("motif", "date_effet")
"""Idem, of a révocation."""
_OF_A_CERTIFICATE: Final = ("numero_serie", "autorite", "debut_validite", "fin_validite")
"""What the row of a withdrawn produit has; empty is none."""
_HEXADECIMAL: Final = re.compile("[0-9A-Fa-f]+")
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document can carry: a row that has it would take the whole reply with it."""


class DamagedRow(Exception):
    """A row that cannot be told as table 21 wants it; the argument says why."""


def tell(kind: TypeDemande, row: Row, *, retrait_delay: timedelta) -> Resultat:
    """The line of a row of ``store.suivi.find``.

    Raises:
        DamagedRow: The row is at odds with itself.
    """
    _check_whole(kind, row)
    try:
        values = {**_of_the_act(row, retrait_delay), **_of_the_produit(row)}
        offre = Offre(row["offre"])
    except (ValueError, OverflowError) as error:
        raise DamagedRow(str(error)) from error
    if _NOT_XML.search("".join(values.values())):
        [name, *_] = (name for name, value in values.items() if _NOT_XML.search(value))
        raise DamagedRow(f"{name}: not a character of XML")
    return Resultat(**{name: values[name] for name in elements(kind, offre)})


def _check_whole(kind: TypeDemande, row: Row) -> None:
    """See that what a sound row holds is there and can be read.

    Raises:
        DamagedRow: It is not.
    """
    for name, value in row.items():
        if isinstance(value, Unreadable):
            raise DamagedRow(f"{name}: {value.text}")
    expected = (*_ALWAYS, *_OF_A_REVOCATION) if kind is TypeDemande.DEMANDES_REVOCATION else _ALWAYS
    for name in expected:
        if row[name] is None:
            raise DamagedRow(f"{name}: none")
    if not all(isinstance(name, str) for name in row["fqdn"]):
        raise DamagedRow("fqdn: not names")


def _of_the_act(row: Row, retrait_delay: timedelta) -> dict[str, str]:
    """What the demande or the révocation says, whoever is the object of the suivi."""
    return {
        "numero": str(row["numero"]),
        "etat": row["etat"],
        "canal": row["canal"],
        "creation_date": _moment(row["creee_le"]),
        "id_nat_acteur": row["acteur"],
        "nom_acteur": row["nom_acteur"],
        "prenom_acteur": row["prenom_acteur"],
        "id_nat_administrateur": row["administrateur"] or "",
        "nom_administrateur": row["nom_administrateur"] or "",
        "prenom_administrateur": row["prenom_administrateur"] or "",
        "email_acteur": row["mail_demandeur"],
        "email_notification": row["mail_a_informer"],
        "date_expiration": _date_expiration(row, retrait_delay),
        "date_revocation": _date_revocation(row),
        "motif_revocation": row["motif"] or "",
        "motif_autre": row["autre_description"] or "",
    }


def _of_the_produit(row: Row) -> dict[str, str]:
    withdrawn = ProduitState(row["etat_produit"]) not in _NO_CERTIFICATE
    for name in _OF_A_CERTIFICATE if withdrawn else ():
        if not row[name]:
            raise ValueError(f"{name}: none, and {row['etat_produit']}")
    nom, prenom = _beneficiaire(row)
    return {
        "offre": row["offre"],
        "usage": row["usage"],
        "id_nat_struct": row["id_nat_struct"] or "",
        "raison_sociale": row["raison_sociale"] or "",
        "id_nat_beneficiaire": row["porteur"] or "",
        "nom_beneficiaire": nom,
        "prenom_beneficiaire": prenom,
        "date_debut_validite": _moment(row["debut_validite"]),
        "date_fin_validite": _moment(row["fin_validite"]) if withdrawn and not row["revocation_en_cours"] else "",
        "numero_serie": _numero_serie(row) if withdrawn else "",
        "dn_autorite": row["autorite"] if withdrawn else "",
        "dn_sujet": row["dn_sujet"] or "",
        "domaines": " ".join(row["fqdn"]),
        "nom_applicatif": row["nom_applicatif"] or "",
        "email_sujet": _email_sujet(row),
    }


def _beneficiaire(row: Row) -> tuple[str, str]:
    """Name and given name. Of offre PS the acteur is the bénéficiaire, also where the demande was refused early."""
    if row["nom_beneficiaire"] is None and row["offre"] == Offre.PS:
        return row["nom_acteur"], row["prenom_acteur"]
    return row["nom_beneficiaire"] or "", row["prenom_beneficiaire"] or ""


def _date_expiration(row: Row, retrait_delay: timedelta) -> str:
    """Validation, which the platform makes at creation, and the delay; nothing once withdrawn or never validated."""
    not_withdrawn = ProduitState(row["etat_produit"]) in _NO_CERTIFICATE
    expires = row["validee"] and not_withdrawn and not row["revocation_en_cours"]
    return _moment(row["creee_le"] + retrait_delay) if expires else ""


def _numero_serie(row: Row) -> str:
    """Upper-case hexadecimal, no leading zero."""
    if not _HEXADECIMAL.fullmatch(row["numero_serie"]):
        raise ValueError(f"numero_serie: {row['numero_serie']!r}")
    return f"{int(row['numero_serie'], 16):X}"


def _email_sujet(row: Row) -> str:
    """Empty for the products that have none, also where a refused demande carried one."""
    product = TABLE_11.get(Product(Offre(row["offre"]), Usage(row["usage"])))
    has_none = product is None or product["mailSujet"] is Presence.INTERDIT
    return "" if has_none else row["mail_sujet"] or ""


def _moment(moment: datetime | None) -> str:
    """A moment as YYYY-MM-DDThh:mm:ss with the offset of Paris."""
    return "" if moment is None else moment.astimezone(PARIS).isoformat(timespec="seconds")


def _date_revocation(row: Row) -> str:
    """The first second, in Paris, of the day a révocation under way waits for."""
    day: date | None = row["date_effet"]
    if day is None or not row["revocation_en_cours"]:
        return ""
    return _moment(datetime.combine(day, time(), PARIS))
