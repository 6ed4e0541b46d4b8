"""The formats of table 11: RFC 1035 names and RFC 5322 addresses, held by libraries made for them.

Source: guide §14.1 table 11, §16.1 table 15, §17.1 table 17; §14.4 (an address without a dot in its domain is none).
"""

from collections.abc import Iterator
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, validate_email

from pfcng.contract.messages import DemandeCertificat, Request, RequeteDemandeCertificats


def format_faults(request: Request, *, strict_nom_applicatif: bool) -> Iterator[tuple[str, str]]:
    """The elements of a message whose value is not what their name says, in table order, each with its value."""
    if isinstance(request, RequeteDemandeCertificats):
        for demande in request.demandes:
            yield from demande_format_faults(demande, strict_nom_applicatif=strict_nom_applicatif)
        return
    for field, name in (("mail_demandeur", "mailDemandeur"), ("mail_personne_a_informer", "mailPersonneAInformer")):
        address = getattr(request, field, None)
        if address is not None and not is_address(address):
            yield name, address


def demande_format_faults(demande: DemandeCertificat, *, strict_nom_applicatif: bool) -> Iterator[tuple[str, str]]:
    """As `format_faults`, for one demande."""
    name = demande.nom_applicatif
    if name is not None and not is_service_name(name, strict=strict_nom_applicatif):
        yield "nomApplicatif", name
    yield from (("FQDN", fqdn) for fqdn in demande.fqdn if not is_domain(fqdn))
    for element, address in (
        ("UPN", demande.upn),
        ("mailSujet", demande.mail_sujet),
        ("mailPersonneAInformer", demande.mail_personne_a_informer),
        ("mailDemandeur", demande.mail_demandeur),
    ):
        if address is not None and not is_address(address):
            yield element, address


def is_domain(name: str) -> bool:
    """Whether it is a domain name of RFC 1035: labels of letters, digits and hyphens; A-labels must be real ones."""
    try:
        return name.isascii() and bool(idna.encode(name, uts46=True, std3_rules=True))
    except idna.IDNAError:
        return False


def is_service_name(name: str, *, strict: bool) -> bool:
    """A nomApplicatif: a domain name when strict, otherwise any printable text without white space at its ends."""
    return is_domain(name) if strict else name.isprintable() and name == name.strip()


@lru_cache(maxsize=1024)
def is_address(address: str) -> bool:
    """Whether it is an e-mail address of RFC 5322, in ASCII, with a dot in its domain; nothing is looked up.

    The demandes of a lot, and the lots of an acteur, have the same few.
    """
    try:
        validate_email(
            address, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError:
        return False
    return "." in address.rpartition("@")[2]
