"""Outcomes that the commands of the client share: wrong usage, refusals, faults, and no answer."""

from collections.abc import Mapping
from typing import Final

from pfcng.cli.output import Outcome, Status
from pfcng.client import CardError, ClientError, FaultError, RefusedError, RequestError, TransportError
from pfcng.client.diagnosis.french import explain
from pfcng.client.explanations import one_line

_CLIENT: Final = "Client"
"""The faultcode of a message that is not acceptable and was not carried out (SOAP 1.1 §4.4.1)."""
_OPTIONS: Final = {
    "offre": "--offre",
    "usage": "--usage",
    "idNatStruct": "--struct",
    "idNatBeneficiaire": "--beneficiaire",
    "idNatTiers": "--tiers",
    "idNatActeur": "--acteur",
    "nomApplicatif": "--nom-applicatif",
    "FQDN": "--fqdn",
    "UPN": "--upn",
    "mailSujet": "--mail-sujet",
    "mailDemandeur": "--mail-demandeur",
    "mailPersonneAInformer": "--mail-informer",
    "CSR": "--csr",
    "indiceRetrait": "--indice",
    "codeRevocation": "--code",
    "AKI": "--aki",
    "numeroSerie": "--serie",
    "autreDescription": "--description",
    "dateEffet": "--date-effet",
    "indiceLot": "--lot",
}
"""Element of a request → the option that gives it, in every command."""


def fault(status: Status, text: str, data: Mapping[str, object], *, advice: str = "") -> Outcome:
    """What did not happen, and why."""
    return Outcome(status=status, headline=f"Erreur : {text}", advice=advice, data={**data, "message": text})


def usage(text: str, data: Mapping[str, object], *, advice: str = "") -> Outcome:
    """A command line, a profile or a file that has to be mended."""
    return fault(Status.USAGE, text, data, advice=advice)


def failure(error: ClientError, data: Mapping[str, object], *, headline: str, advice: str = "") -> Outcome:
    """The outcome of an exchange that failed, refused or not; ``advice`` goes before that of the error."""
    text = "\n".join(one_line(line) for line in error.message.splitlines())
    advice = "\n".join(filter(None, (advice, error.conseil)))
    data = {**data, "message": text, "diagnostic": error.diagnostic}
    lines = [("Diagnostic", explain(error.diagnostic))] if error.diagnostic else []
    match error:
        case RefusedError():
            data["code"] = one_line(error.code)
            lines = [("Code", one_line(error.code)), ("Message", text), *lines]
            return Outcome(status=Status.REFUSED, headline=headline, lines=tuple(lines), advice=advice, data=data)
        case FaultError():
            data["incident"] = error.incident
            status = Status.TRANSPORT
            verb = "a rejeté le message" if error.faultcode == _CLIENT else "a signalé une erreur"
            text = f"La plateforme {verb} : {text}"
        case TransportError():
            status = Status.TRANSPORT
        case RequestError(element=str(element)) if element in _OPTIONS:
            status = Status.USAGE
            asked = f" Il est attendu : {error.limite}." if error.limite else ""
            text = f"La valeur de {_OPTIONS[element]} ne convient pas (élément « {element} »).{asked}"
            data["message"] = text
        case _:
            status = Status.USAGE
    return Outcome(status=status, headline=f"Erreur : {text}", lines=tuple(lines), advice=advice, data=data)


def never_sent(error: ClientError) -> bool:
    """Whether the request surely never reached the platform."""
    if isinstance(error, TransportError):
        return not error.maybe_received
    return isinstance(error, RequestError | CardError)


def maybe_received(error: ClientError) -> bool:
    """Whether the platform may have done what was asked although no reply tells it."""
    return isinstance(error, FaultError | TransportError) and error.maybe_received
