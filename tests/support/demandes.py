"""Demandes that the sandbox's cards may make."""

from dataclasses import replace
from typing import Final

from pfcng.contract.catalogue import TABLE_11, Presence, Product
from pfcng.contract.messages import DemandeCertificat

HOPITAL: Final = "1750099012"
AGENT: Final = "3750099012/CPET0001"
_ALL: Final = {
    "idNatStruct": {"id_nat_struct": HOPITAL},
    "idNatBeneficiaire": {"id_nat_beneficiaire": AGENT},
    "nomApplicatif": {"nom_applicatif": "INSI-AUTO"},
    "FQDN": {"fqdn": ("www.hopital.example", "hopital.example")},
    "UPN": {"upn": "agent@hopital.example"},
    "mailSujet": {"mail_sujet": "sujet@hopital.example"},
}


def demande_for(product: Product, csr: str, /, **changes: object) -> DemandeCertificat:
    """A demande with every element that table 11 lets the product have, and these changes."""
    demande = DemandeCertificat(
        offre=product.offre,
        gamme="EL",
        usage=product.usage,
        mail_personne_a_informer="informer@hopital.example",
        csr=csr,
        mail_demandeur="demandeur@hopital.example",
    )
    for element, presence in TABLE_11[product].items():
        if presence is not Presence.INTERDIT:
            demande = replace(demande, **_ALL[element])  # type: ignore[arg-type]  # each row fits its element
    return replace(demande, **changes)  # type: ignore[arg-type]  # the caller names fields
