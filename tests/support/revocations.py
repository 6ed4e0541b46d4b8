"""Demandes de révocation of a certificate."""

from dataclasses import replace

from cryptography import x509

from pfcng.contract.catalogue import Motif
from pfcng.contract.messages import RequeteRevocationCertificat
from support.scenario import aki_of, serial_of


def revocation_of(certificate: x509.Certificate, **changes: object) -> RequeteRevocationCertificat:
    """For PERTE, today, unless changed."""
    requete = RequeteRevocationCertificat(
        aki=aki_of(certificate),
        numero_serie=serial_of(certificate),
        gamme="EL",
        motif=Motif.PERTE,
        mail_demandeur="demandeur@hopital.example",
        mail_personne_a_informer="informer@hopital.example",
    )
    return replace(requete, **changes)  # type: ignore[arg-type]  # the caller names fields
