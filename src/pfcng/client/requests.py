"""The requests that the two clients make of their arguments."""

from datetime import date

from cryptography import x509

from pfcng.client.exchanges import Reference
from pfcng.contract.catalogue import GAMME, Motif
from pfcng.contract.messages import (
    RequeteRenouvellementCertificat,
    RequeteRetraitCertificat,
    RequeteRevocationCertificat,
)

Mails = tuple[str, str]
"""Who asks, and who is told too."""


def retrait(indice: str, code: str, id_nat_tiers: str | None) -> RequeteRetraitCertificat:
    """Guide §15.1."""
    return RequeteRetraitCertificat(id_nat_tiers=id_nat_tiers, indice_retrait=indice, code_revocation=code)


def revocation(
    certificate: x509.Certificate | Reference,
    motif: Motif,
    *,
    mails: Mails,
    autre_description: str | None,
    date_effet: date | None,
    id_nat_tiers: str | None,
) -> RequeteRevocationCertificat:
    """Guide §16.1."""
    reference = _reference(certificate)
    return RequeteRevocationCertificat(
        id_nat_tiers=id_nat_tiers,
        aki=reference.aki,
        numero_serie=reference.numero_serie,
        gamme=GAMME,
        motif=motif,
        autre_description=autre_description,
        date_effet=date_effet,
        mail_demandeur=mails[0],
        mail_personne_a_informer=mails[1],
    )


def renouvellement(
    certificate: x509.Certificate | Reference, csr: str, *, mails: Mails, id_nat_tiers: str | None
) -> RequeteRenouvellementCertificat:
    """Guide §17.1."""
    reference = _reference(certificate)
    return RequeteRenouvellementCertificat(
        id_nat_tiers=id_nat_tiers,
        aki=reference.aki,
        numero_serie=reference.numero_serie,
        mail_demandeur=mails[0],
        mail_personne_a_informer=mails[1],
        csr=csr,
    )


def _reference(certificate: x509.Certificate | Reference) -> Reference:
    return Reference.of(certificate) if isinstance(certificate, x509.Certificate) else certificate
