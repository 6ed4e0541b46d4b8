"""Whether the history of every object tells how it came to its state."""

from itertools import groupby
from operator import itemgetter
from typing import Final

from pfcng.domain.states import RevocationState, Transition
from pfcng.store.database import DbConnection, Row

BEGINNINGS: Final = {
    "demande": "Demande enregistrée",
    "produit": "Produit demandé",
    "revocation": "Demande enregistrée",
}
"""Where each kind of object begins, without a step."""
TABLE: Final = {
    step
    for step in (
        *(("demande", *transition.value.demande, transition.name) for transition in Transition),
        *(("produit", *transition.value.produit, transition.name) for transition in Transition),
        *(("revocation", RevocationState.ENREGISTREE, end, end.name) for end in RevocationState),
    )
    if step[1] is not step[2]
}
"""Every step that there may be."""

_STEPS: Final = "SELECT objet, numero, de, vers, transition, le FROM historique ORDER BY objet, numero, id"
_STATES: Final = """
    SELECT 'demande' AS objet, numero, etat FROM demande
    UNION ALL SELECT 'produit', numero, etat FROM produit
    UNION ALL SELECT 'revocation', numero, etat FROM revocation
"""


def check_history(connection: DbConnection) -> None:
    """Steps of the table alone; each begins where the one before ended, and the last ends in the row's state.

    Raises:
        AssertionError: One does not, or is of no object.
    """
    steps = connection.execute(_STEPS).fetchall()
    assert {(step["objet"], step["de"], step["vers"], step["transition"]) for step in steps} <= TABLE
    ends = {
        thing: _end(BEGINNINGS[thing[0]], list(chain))
        for thing, chain in groupby(steps, key=itemgetter("objet", "numero"))
    }
    for row in connection.execute(_STATES).fetchall():
        assert ends.pop((row["objet"], row["numero"]), BEGINNINGS[row["objet"]]) == row["etat"]
    assert not ends


def _end(state: str, steps: list[Row]) -> str:
    """Where steps lead that begin in a state, in their order and in that of time."""
    moments = [step["le"] for step in steps]
    assert moments == sorted(moments)
    for step in steps:
        assert step["de"] == state
        state = step["vers"]
    return state
