"""The domains of explicit habilitations: which names of a demande one must cover, and when. Source: guide §8."""

import re
from typing import Final

import idna

from pfcng.contract.catalogue import Offre, Usage
from pfcng.contract.messages import DemandeCertificat

_FORMS: Final = {
    Offre.PRO: re.compile(r"\*[@.]?(?P<domain>[^*@]+)"),
    Offre.SERV: re.compile(r"(\*\.?)?(?P<domain>[^*@]+)"),
}


def is_domain_form(offre: Offre, domaine: str | None) -> bool:
    """Whether an explicit habilitation of that offre can have this domain.

    PRO: ``*@d``, ``*d``, ``*.d``. SERV: ``d``, ``*d``, ``*.d``. ORG: none. A domain has a dot.

    Source: guide §8.
    """
    if offre not in _FORMS or domaine is None:
        return offre is Offre.ORG and domaine is None
    form = _FORMS[offre].fullmatch(domaine)
    if form is None or "." not in form["domain"]:
        return False
    try:
        return bool(idna.encode(form["domain"], uts46=True, std3_rules=True))
    except idna.IDNAError:
        return False


def protected_names(demande: DemandeCertificat) -> tuple[str, ...]:
    """The domain names of a demande that its explicit habilitation must cover."""
    if demande.offre in {Offre.PS, Offre.ORG}:
        return ()
    if demande.usage is Usage.SSL_SERV:
        return demande.fqdn
    return tuple(address.rpartition("@")[2] for address in (demande.upn, demande.mail_sujet) if address)


def covers(pattern: str, name: str, *, offre: Offre, usage: Usage) -> bool:
    """Whether a domain takes a name in, by the forms of §8.

    Args:
        pattern: The habilitation's domain.
        name: One of `protected_names`.
        offre: The habilitation's.
        usage: The demande's.
    """
    domain = _ascii(pattern.lstrip("*").lstrip("@."))
    host = _ascii(name)
    below = host.endswith("." + domain)
    if not pattern.startswith("*"):
        return host == domain
    if offre is Offre.PRO:
        if pattern.startswith("*@"):
            return host == domain
        return below or (host == domain and not pattern.startswith("*."))
    if usage is Usage.SSL_SERV:
        return below and "." not in host.removesuffix("." + domain)
    return below


def _ascii(name: str) -> str:
    """The name in lower case and in its ASCII form; a name that has none equals only itself."""
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return name.casefold()
