"""The remarks on one demande: presence, values, domains, names, identifiers.

Nothing is decided here: table 11, the formats, the forms of §8 and the check digits are those that the platform reads.
Source: guide §7, §8, §14.1 table 11, §19 table 22.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pfcng.client.verification import common_names, identifiers
from pfcng.client.verification.remarks import Level, Remark, doubt, fault, note
from pfcng.contract import codes
from pfcng.contract.catalogue import GAMME, MAX_FQDN, USAGES, Presence, Product, Usage
from pfcng.contract.codes import Raison
from pfcng.contract.domaines import covers, protected_names
from pfcng.contract.formats import demande_format_faults, is_service_name
from pfcng.contract.messages import DemandeCertificat, RequeteDemandeCertificats
from pfcng.contract.presence import presence_faults
from pfcng.xml import codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the caller knows beside the demande.

    Attributes:
        domaines: The domains of the acteur's habilitation for the structure; empty when unknown.
        raison_sociale: Of the structure, as the annuaire has it; None when unknown.
        lenient_names: Take spaces and ``_`` in nomApplicatif, as the real platform does.
    """

    domaines: tuple[str, ...] = ()
    raison_sociale: str | None = None
    lenient_names: bool = False


_PLACEHOLDER: Final = "CSR"
"""Stands for a CSR that is not there yet, so that the schema speaks of the rest alone."""
_ALWAYS: Final = (("mailPersonneAInformer", "mail_personne_a_informer"), ("mailDemandeur", "mail_demandeur"))
_RULES: Final = {
    "MAXLENGTH": "est trop long",
    "MINLENGTH": "est vide",
    "ENUMERATION": "n’a pas une des valeurs permises",
    "PATTERN": "n’a pas la forme voulue",
    "LENGTH": "n’a pas la longueur voulue",
}


def demande_remarks(demande: DemandeCertificat, known: Known) -> Iterator[Remark]:
    """Everything but the CSR, in the order in which the platform looks at it."""
    wrong = set()
    for remark in (*_missing(demande), *_values(demande, known)):
        wrong.add(remark.element)
        yield remark
    yield from _presence(demande)
    if demande.usage in USAGES[demande.offre]:
        yield from _domains(demande, known)
        yield from _fqdn(demande)
        yield from common_names.remarks(demande, known.raison_sociale)
    yield from (remark for remark in identifiers.remarks(demande) if remark.element not in wrong)


def _missing(demande: DemandeCertificat) -> Iterator[Remark]:
    for element, field in _ALWAYS:
        if not getattr(demande, field):
            yield fault(element, f"« {element} » est toujours obligatoire.", codes.WSMG_05)
    if demande.gamme != GAMME:
        yield fault("gamme", f"« gamme » doit être {GAMME}, la seule que délivre le Web Service.", codes.WSMG_05)


def _values(demande: DemandeCertificat, known: Known) -> Iterator[Remark]:
    """Formats and schema: both are WSMG-00000005 and stop the whole lot; one remark an element."""
    told = {element for element, field in _ALWAYS if not getattr(demande, field)} | {"gamme"}
    for element, value in demande_format_faults(demande, strict_nom_applicatif=not known.lenient_names):
        if element not in told or (element == "FQDN" and value):
            told.add(element)
            yield fault(element, _format_text(element, value), codes.WSMG_05)
    lot = RequeteDemandeCertificats(demandes=(replace(demande, csr=demande.csr or _PLACEHOLDER),))
    try:
        faults = codec.schema_faults(lot)
    except ValueError:
        yield fault("demandeCertificat", "Un caractère n’est pas permis en XML.", codes.WSMG_05)
        return
    for element, rule in faults:
        if element not in {*told, "demandeCertificat"}:
            told.add(element)
            reason = next((text for name, text in _RULES.items() if name in rule), "ne convient pas au schéma")
            yield fault(element, f"« {element} » {reason} (pfcng-ws.xsd).", codes.WSMG_05)


def _format_text(element: str, value: str) -> str:
    shown = f"« {value} »"
    if element == "nomApplicatif":
        text = f"{shown} n’est pas un nom de la RFC 1035 (lettres sans accent, chiffres, tirets, points)."
        if is_service_name(value, strict=False):
            text += " La plateforme réelle laisse passer espaces et « _ » ; le guide ne le promet pas."
        return text
    if element == "FQDN":
        if "*" in value:
            return f"{shown} : un joker n’est pas un nom de serveur ; donnez chaque nom, {MAX_FQDN} au plus."
        return f"{shown} n’est pas un nom de serveur de la RFC 1035 (lettres sans accent, chiffres, tirets, points)."
    return f"{shown} n’est pas une adresse de messagerie : ASCII, une arobase, un point dans le domaine."


def _presence(demande: DemandeCertificat) -> Iterator[Remark]:
    label = Product(demande.offre, demande.usage).label
    for found in presence_faults(demande):
        if found.element == "usage":
            usages = ", ".join(USAGES[demande.offre])
            text = f"L’offre {demande.offre} n’a pas l’usage {demande.usage} ; ses usages : {usages}."
        elif found.presence is Presence.OBLIGATOIRE:
            text = f"« {found.element} » est obligatoire pour {label}."
        else:
            text = f"« {found.element} » est interdit pour {label} : retirez-le."
        yield fault(found.element, text, found.code)


def _domains(demande: DemandeCertificat, known: Known) -> Iterator[Remark]:
    element = "FQDN" if demande.usage is Usage.SSL_SERV else "UPN" if demande.upn else "mailSujet"
    names = protected_names(demande)
    if names and not known.domaines:
        yield note(element, "Le domaine n’a pas été comparé à l’habilitation : donnez-le avec --domaine.")
    for name in dict.fromkeys(names) if known.domaines else ():
        if not any(covers(one, name, offre=demande.offre, usage=demande.usage) for one in known.domaines):
            text = Raison.HORS_DOMAINE.format(domaine=name) + f" Habilitation : {', '.join(known.domaines)}."
            yield fault(element, text, codes.WSMG_10)


def _fqdn(demande: DemandeCertificat) -> Iterator[Remark]:
    if demande.usage is not Usage.SSL_SERV:
        return
    if len(demande.fqdn) > MAX_FQDN:
        text = f"{len(demande.fqdn)} FQDN : {MAX_FQDN} au plus. Tout le lot serait refusé."
        yield fault("FQDN", text, codes.WSMG_42)
    for name in demande.fqdn:
        if "." not in name and name:
            yield doubt("FQDN", f"« {name} » n’a pas de domaine : aucun client ne joint un serveur sous ce nom.")
        elif name.replace(".", "").isdigit():
            yield doubt(
                "FQDN", f"« {name} » est une adresse IP : elle serait inscrite comme un nom, que nul ne vérifie."
            )
    lowered = [name.lower() for name in demande.fqdn]
    for name in sorted({name for name in lowered if lowered.count(name) > 1}):
        yield doubt("FQDN", f"« {name} » est donné plusieurs fois ; il n’est inscrit qu’une.")


def has_faults(remarks: Sequence[Remark]) -> bool:
    """Whether the platform would refuse."""
    return any(remark.level is Level.FAULT for remark in remarks)
