"""The formats of table 11: RFC 1035 names and RFC 5322 addresses, held by libraries made for them.

Source: guide §14.1 table 11, §16.1 table 15, §17.1 table 17; §14.4 (an address without a dot in its domain is none).
"""

from collections.abc import Iterator

import idna
from email_validator import EmailNotValidError, validate_email

from pfcng.contract import codes
from pfcng.contract.messages import DemandeCertificat, Request, RequeteDemandeCertificats
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules


def check_formats(request: Request, rules: Rules) -> None:
    """Refuse a message in which a name or an address is not one: syntax, hence the whole message.

    Raises:
        Refusal: WSMG-00000005 with the name of the first wrong element.
    """
    for name, valid in _elements(request, rules):
        if not valid:
            raise Refusal(codes.WSMG_05, name)


def _elements(request: Request, rules: Rules) -> Iterator[tuple[str, bool]]:
    if isinstance(request, RequeteDemandeCertificats):
        for demande in request.demandes:
            yield from _demande(demande, rules)
        return
    for field, name in (("mail_demandeur", "MailDemandeur"), ("mail_personne_a_informer", "MailPersonneAInformer")):
        address = getattr(request, field, None)
        if address is not None:
            yield name, is_address(address)


def _demande(demande: DemandeCertificat, rules: Rules) -> Iterator[tuple[str, bool]]:
    """In the order of table 11."""
    if demande.nom_applicatif is not None:
        yield "NomApplicatif", is_service_name(demande.nom_applicatif, strict=rules.strict_nom_applicatif)
    for name in demande.fqdn:
        yield "FQDN", is_domain(name)
    if demande.upn is not None:
        yield "UPN", is_address(demande.upn)
    if demande.mail_sujet is not None:
        yield "MailSujet", is_address(demande.mail_sujet)
    yield "MailPersonneAInformer", is_address(demande.mail_personne_a_informer)
    yield "MailDemandeur", is_address(demande.mail_demandeur)


def is_domain(name: str) -> bool:
    """Whether it is a domain name of RFC 1035: labels of letters, digits and hyphens; A-labels must be real ones."""
    try:
        return name.isascii() and bool(idna.encode(name, uts46=True, std3_rules=True))
    except idna.IDNAError:
        return False


def is_service_name(name: str, *, strict: bool) -> bool:
    """A nomApplicatif: a domain name when strict, otherwise any printable text without white space at its ends."""
    return is_domain(name) if strict else name.isprintable() and name == name.strip()


def is_address(address: str) -> bool:
    """Whether it is an e-mail address of RFC 5322, in ASCII, with a dot in its domain; nothing is looked up."""
    try:
        validate_email(
            address, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError:
        return False
    return "." in address.rpartition("@")[2]
