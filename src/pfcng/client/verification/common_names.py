"""The subject that a demande leads to: what the CN and the O will be, and the CN that INSi wants to the letter."""

import difflib
import re
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from pfcng.client.verification.remarks import Remark, doubt, fault, note
from pfcng.contract import codes
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.messages import DemandeCertificat
from pfcng.pki.products import MAX_ORGANISATION

INSI_NAMES: Final = ("INSI-AUTO", "INSI-MANU")
"""The two CN that the téléservice INSi takes, in a certificate ORG AUTH_CLI; any other is refused (DESIR_560)."""
_INSI_PRODUCT: Final = Product(Offre.ORG, Usage.AUTH_CLI)
_NOT_A_LETTER: Final = re.compile(r"[^A-Z0-9]")
_LIKENESS: Final = 0.8


def remarks(demande: DemandeCertificat, raison_sociale: str | None) -> Iterator[Remark]:
    """What is worth saying of the subject; nothing for persons, whose names come from the annuaire."""
    if demande.offre not in {Offre.ORG, Offre.SERV}:
        return
    name = common_name(demande)
    if name:
        yield from _length("FQDN" if demande.usage is Usage.SSL_SERV else "nomApplicatif", name)
    if demande.nom_applicatif:
        yield from _insi(demande, demande.nom_applicatif)
    if raison_sociale:
        yield from _organisation(raison_sociale)


def common_name(demande: DemandeCertificat) -> str | None:
    """The CN of an organisation's certificate: the first FQDN for SSL_SERV, else nomApplicatif."""
    if demande.usage is Usage.SSL_SERV:
        return demande.fqdn[0] if demande.fqdn else None
    return demande.nom_applicatif


def _length(element: str, name: str) -> Iterator[Remark]:
    try:
        x509.NameAttribute(NameOID.COMMON_NAME, name)
    except ValueError:
        yield fault(element, f"« {name} » ne tient pas dans un CN : 64 octets en UTF-8 au plus.", codes.WSMG_10)


def _insi(demande: DemandeCertificat, name: str) -> Iterator[Remark]:
    product = Product(demande.offre, demande.usage)
    wanted = meant_for_insi(name)
    if name in INSI_NAMES and product != _INSI_PRODUCT:
        yield doubt(
            "nomApplicatif",
            f"« {name} » est le CN d’INSi, qui veut un certificat {_INSI_PRODUCT.label} : pas {product.label}.",
        )
    elif name in INSI_NAMES:
        yield note("nomApplicatif", f"« {name} » : le CN que veut INSi, pour l’entité juridique de la structure seule.")
    elif wanted:
        yield doubt(
            "nomApplicatif",
            f"« {name} » ressemble à « {wanted} » : INSi veut INSI-AUTO ou INSI-MANU à la lettre (tiret, majuscules) "
            "et refuse tout autre CN (DESIR_560).",
        )


def meant_for_insi(name: str) -> str | None:
    """The INSi name that a name is, but for case, separators or a slip of the hand; None when it is neither."""
    if name in INSI_NAMES:
        return name
    bare = {_bare(one): one for one in INSI_NAMES}
    found = difflib.get_close_matches(_bare(name), bare, n=1, cutoff=_LIKENESS)
    if found:
        return bare[found[0]]
    return INSI_NAMES[0] if _bare(name) in {"INSI", "INS"} else None


def _bare(name: str) -> str:
    return _NOT_A_LETTER.sub("", name.upper())


def _organisation(raison_sociale: str) -> Iterator[Remark]:
    kept = raison_sociale[:MAX_ORGANISATION]
    if kept == raison_sociale:
        yield note("idNatStruct", f"O du certificat : « {kept} ».")
        return
    yield doubt(
        "idNatStruct",
        f"O du certificat : « {kept} », les {MAX_ORGANISATION} premiers des {len(raison_sociale)} caractères de la "
        "raison sociale. Les listes blanches doivent porter la forme coupée.",
    )
