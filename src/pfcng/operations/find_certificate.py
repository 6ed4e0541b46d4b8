"""The certificate that a révocation or a renouvellement names, and who may act on it.

Source: guide §8 tables 5 and 6, §16.1, §17.1, §20 RMT_ERR_002 and 011.
"""

import re
from typing import Final

from cryptography import x509

from pfcng.contract import codes
from pfcng.contract.catalogue import Environment, Offre
from pfcng.contract.codes import Code, Raison
from pfcng.contract.refusal import Refusal
from pfcng.domain.acteur import Acteur
from pfcng.domain.annuaire import Annuaire
from pfcng.domain.habilitation import may_act_on
from pfcng.operations.context import RequestContext
from pfcng.store.database import DbConnection, Row
from pfcng.store.revocations import find_produits

_SEPARATORS: Final = re.compile(r"[:\- ]")


def find_certificate(connection: DbConnection, environment: Environment, aki: str, numero_serie: str) -> Row:
    """The produit of that certificate, with the state of its demande.

    A serial number may be written in hexadecimal or in decimal: both readings are looked up. They are random numbers of
    127 bits, so at most one of them is a certificate's.

    Raises:
        Refusal: WSMG-00000008 when there is none in this environment.
    """
    for produit in find_produits(connection, environment, _readings(numero_serie)):
        certificate = x509.load_der_x509_certificate(produit["certificat"])
        identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        if identifier is not None and identifier.hex().upper() == _SEPARATORS.sub("", aki).upper():
            return produit
    raise Refusal(codes.WSMG_08)


def check_rights(
    produit: Row, acteur: Acteur, annuaire: Annuaire, context: RequestContext, *, porteur: bool, code: Code
) -> None:
    """Let through who administers the structure for the offre and, of offre PS, whose certificate it is.

    Nothing else of the produit is looked at before: who has no right learns neither its state nor what it holds.

    Args:
        produit: The one that was found.
        acteur: On whose behalf the request acts.
        annuaire: With the acteur's habilitations.
        context: The request.
        porteur: Whether the porteur of a PRO certificate may do it too.
        code: What the refusal carries.

    Raises:
        Refusal: ``code``, with the <Erreur_Habilitation> of the offre.
    """
    offre = Offre(produit["offre"])
    allowed = may_act_on(
        acteur.personne,
        annuaire.habilitations.get(acteur.personne.id_nat, ()),
        context.today,
        offre=offre,
        id_nat_struct=produit["id_nat_struct"],
        beneficiaire=produit["id_nat_beneficiaire"] if porteur or offre is Offre.PS else None,
    )
    if not allowed:
        raise Refusal(code, Raison.HORS_OFFRE if offre is Offre.PS else Raison.HORS_PERIMETRE)


def _readings(numero_serie: str) -> set[str]:
    """The serial number as the store writes it, read as hexadecimal and as decimal."""
    digits = _SEPARATORS.sub("", numero_serie)
    readings = {f"{int(digits, 16):X}"}
    if digits.isdecimal():
        readings.add(f"{int(digits):X}")
    return readings
