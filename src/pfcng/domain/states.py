"""The states of a demande and of its produit, and the one table of their transitions.

A transition is named by what happened. The store applies it as a compare-and-set: it moves what is in the ``before``
states and nothing else. Source: guide §14.2, §15.2, §20; docs/life-of-a-demande.md.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, unique


class DemandeState(StrEnum):
    """States of a demande de certificat logiciel, by the guide's labels (§20)."""

    ENREGISTREE = "Demande enregistrée"
    VALIDEE = "Demande validée"
    TRANSMISE = "Demande transmise"
    CLOSE = "Demande close"
    REJETEE = "Demande rejetée"
    NON_TRAITEE = "Demande non traitée"
    ANNULEE = "Demande annulée"


class ProduitState(StrEnum):
    """States of a produit, by the guide's labels (§20)."""

    DEMANDE = "Produit demandé"
    A_RETIRER = "Produit à retirer"
    RETIRE = "Produit retiré"
    ACTIF = "Produit actif"
    ANNULE = "Produit annulé"
    REVOQUE = "Produit révoqué"


class RevocationState(StrEnum):
    """States of a demande de révocation, by the guide's labels (§20 RMT_ERR_012, RMT_ERR_013).

    « Demande enregistrée » lasts while its day, or an answer of the authority, is waited for.
    """

    ENREGISTREE = "Demande enregistrée"
    CLOSE = "Demande close"
    NON_TRAITEE = "Demande non traitée"


@dataclass(frozen=True, slots=True)
class Step:
    """What one transition does to a demande and its produit; equal ends mean that it stays as it is."""

    demande: tuple[DemandeState, DemandeState]
    produit: tuple[ProduitState, ProduitState]


_D, _P = DemandeState, ProduitState


@unique
class Transition(Enum):
    """Every change of state there is, by what caused it."""

    VALIDER = Step((_D.ENREGISTREE, _D.VALIDEE), (_P.DEMANDE, _P.A_RETIRER))
    """Every rule passed (§14.2)."""
    REJETER = Step((_D.ENREGISTREE, _D.REJETEE), (_P.DEMANDE, _P.ANNULE))
    """The CSR or a business rule failed (RMT_ERR_001, RMT_ERR_002)."""
    NE_PAS_TRAITER = Step((_D.ENREGISTREE, _D.NON_TRAITEE), (_P.DEMANDE, _P.ANNULE))
    """A presence rule failed, or the lot was refused at syntax (§14.2)."""
    TRANSMETTRE = Step((_D.VALIDEE, _D.TRANSMISE), (_P.A_RETIRER, _P.A_RETIRER))
    """PFCNG-IGC registered the demande, inside retrait for the WS channel (RMT_ERR_003)."""
    RETIRER = Step((_D.TRANSMISE, _D.TRANSMISE), (_P.A_RETIRER, _P.RETIRE))
    """PFCNG-IGC issued the certificate and it is stored (RMT_ERR_009)."""
    DELIVRER = Step((_D.TRANSMISE, _D.CLOSE), (_P.RETIRE, _P.ACTIF))
    """The reply that carries the certificate was handed to the network (§15.2)."""
    ANNULER_VALIDEE = Step((_D.VALIDEE, _D.NON_TRAITEE), (_P.A_RETIRER, _P.ANNULE))
    """Given up, not withdrawn in time, or refused by the authority at registration (RMT_ERR_004, RMT_ERR_008)."""
    ANNULER_TRANSMISE = Step((_D.TRANSMISE, _D.ANNULEE), (_P.A_RETIRER, _P.ANNULE))
    """Idem, after the authority registered it, or refused by the authority at issue (RMT_ERR_007, RMT_ERR_008)."""
    REVOQUER_ACTIF = Step((_D.CLOSE, _D.CLOSE), (_P.ACTIF, _P.REVOQUE))
    """The authority revoked a delivered certificate (§16.2)."""
    REVOQUER_RETIRE = Step((_D.TRANSMISE, _D.ANNULEE), (_P.RETIRE, _P.REVOQUE))
    """The authority revoked a certificate that was issued and never delivered (RMT_ERR_009, RMT_ERR_011)."""
