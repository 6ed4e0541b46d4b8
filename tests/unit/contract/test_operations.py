"""The five operations and the reply that refuses a whole message."""

import pytest

from pfcng.contract.messages import ReponseDemandeCertificats, ReponseSuiviActivite, Resultat
from pfcng.contract.operations import (
    Operation,
    by_request_element,
    by_request_type,
    by_soap_action,
    error_response,
)
from pfcng.xml.codec import encode


@pytest.mark.parametrize("operation", Operation)
def test_operation_is_found_by_each_of_its_names(operation: Operation) -> None:
    """SOAPAction, root of the request, dataclass (§9.2)."""
    assert by_soap_action(operation.soap_action) is operation
    assert by_request_element(operation.request_element) is operation
    assert by_request_type(operation.request_type) is operation


def test_unknown_name_is_no_operation() -> None:
    """A reply's root does not call anything."""
    assert by_soap_action("") is None
    assert by_request_element("reponseDemandeCertificats") is None


@pytest.mark.parametrize("operation", Operation)
def test_error_response_is_the_operation_s_own_reply_and_valid(operation: Operation) -> None:
    """Business errors are ordinary replies (§14.2.2, §15.2, §16.2, §17.2, §18.2)."""
    response = error_response(operation, "WSMG-00000002", "Signature invalide.")
    assert type(response) is operation.response_type
    assert "WSMG-00000002" in encode(response).itertext()


def test_refused_lot_has_an_empty_index_and_no_demande() -> None:
    """As the sample of §14.2.2."""
    assert error_response(Operation.DEMANDER_CERTIFICATS, "WSMG-00000023", "…") == ReponseDemandeCertificats(
        indice_lot="", statut_lot="WSMG-00000023", message="…"
    )


def test_refused_suivi_carries_the_text_in_erreur() -> None:
    """« Inséré dans une balise <erreur> » (§18.2 table 20)."""
    assert error_response(Operation.SUIVRE_ACTIVITE, "WSMG-00000043", "…") == ReponseSuiviActivite(
        statut="WSMG-00000043", resultats=(Resultat(erreur="…"),)
    )
