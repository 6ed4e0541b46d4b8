"""Whether a line of the suivi is the demande that was sent before a kill (docs/client.md, O4)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pfcng.client.errors import RefusedError
from pfcng.client.recovery import VALIDEE, _is_it, presented_number
from pfcng.contract.catalogue import Offre, Usage
from pfcng.contract.codes import WSMG_09, WSMG_10, Raison
from pfcng.contract.messages import DemandeCertificat, ReponseDemandeCertificats, Resultat
from pfcng.domain.states import DemandeState

SINCE = datetime(2026, 11, 23, 9, 0, 0, 900_000, tzinfo=UTC)
DEMANDE = DemandeCertificat(
    offre=Offre.SERV,
    gamme="EL",
    usage=Usage.SSL_SERV,
    id_nat_struct="1750099012",
    fqdn=("www.hopital.example", "hopital.example"),
    mail_personne_a_informer="b@hopital.example",
    csr="",
    mail_demandeur="a@hopital.example",
)
LINE = Resultat(
    numero="59",
    creation_date="2026-11-23T10:00:00+01:00",
    usage="SSL_SERV",
    id_nat_struct="1750099012",
    etat=VALIDEE,
    email_acteur="a@hopital.example",
    email_notification="b@hopital.example",
    domaines="hopital.example www.hopital.example",
    nom_applicatif="",
    email_sujet="",
)


def test_a_line_that_shows_what_was_ordered_is_it() -> None:
    """Names in any order, absent or empty alike, the second in which it was sent included."""
    assert _is_it(LINE, DEMANDE, SINCE)


@pytest.mark.parametrize(
    "changes",
    [
        {"creation_date": "2026-11-23T09:59:59+01:00"},
        {"creation_date": ""},
        {"etat": "Demande close"},
        {"usage": "SIGN"},
        {"id_nat_struct": "1690099023"},
        {"email_acteur": "autre@hopital.example"},
        {"email_notification": "autre@hopital.example"},
        {"domaines": "www.hopital.example"},
        {"nom_applicatif": "INSI-AUTO"},
        {"email_sujet": "sujet@hopital.example"},
    ],
)
def test_any_difference_makes_it_another(changes: dict[str, str]) -> None:
    """A certificate of somebody else must not be withdrawn."""
    assert not _is_it(replace(LINE, **changes), DEMANDE, SINCE)


def test_the_state_is_the_one_of_the_platform() -> None:
    """One text for both (guide §14.2)."""
    assert DemandeState.VALIDEE.value == VALIDEE


def test_the_refusal_of_a_second_presentation_names_the_first() -> None:
    """Guide §17.4: our key is in one demande, and its number is told."""
    raison = Raison.CLE_DEJA_PRESENTEE.format(numero="59", acteur="x", concerne="y", date="23/11/2026")
    reply = ReponseDemandeCertificats(statut_lot="KO", message="")
    assert presented_number(RefusedError(WSMG_09.value, WSMG_09.message(raison), reply)) == "59"
    assert presented_number(RefusedError(WSMG_10.value, WSMG_10.message(raison), reply)) is None
    other = WSMG_09.message(Raison.CSR_SIGNATURE)
    assert presented_number(RefusedError(WSMG_09.value, other, reply)) is None
