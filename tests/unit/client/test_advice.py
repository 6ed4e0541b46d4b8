"""What to do about each refusal: one table, whole."""

import pytest

from pfcng.client.advice import ADVICE, BY_REASON, advice_for
from pfcng.contract.codes import CODES, WSMG_09, WSMG_10, WSMG_11, WSMG_38, Raison


def test_every_code_that_is_sent_has_its_advice() -> None:
    """Refusals carry code, text and what to do; 38 is logged and never sent (guide §19)."""
    assert ADVICE.keys() == CODES.keys() - {WSMG_38.value}


@pytest.mark.parametrize("reason", BY_REASON)
def test_a_reason_says_more_than_its_code(reason: Raison) -> None:
    """Whatever fills its variable parts (guide §20)."""
    names = ("numero", "acteur", "concerne", "date", "domaine", "demandeur", "retrait")
    raison = reason.format(**dict.fromkeys(names, "12"))
    assert advice_for(WSMG_10.value, WSMG_10.message(raison)) == BY_REASON[reason]


def test_the_code_counts_when_the_reason_is_not_known() -> None:
    """A real platform may word its reasons otherwise."""
    assert advice_for(WSMG_09.value, "Autre texte.") == ADVICE[WSMG_09.value]
    assert advice_for(WSMG_11.value, WSMG_11.message("une autre raison")) == ADVICE[WSMG_11.value]
    assert advice_for("WSMG-00000099", "Inconnu.") == ""
