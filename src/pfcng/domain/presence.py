"""The presence rules of a demande, as a refusal: one code, the first that fails in table order."""

from pfcng.contract.messages import DemandeCertificat
from pfcng.contract.presence import presence_faults
from pfcng.contract.refusal import Refusal


def check_presence(demande: DemandeCertificat) -> None:
    """Refuse a demande that lacks an element its product requires or carries one that it forbids.

    Raises:
        Refusal: WSMG-00000032 to 37, WSMG-00000005 for every other row; the first that fails in table order.

    Source: guide §14.1 table 11, §19 table 22.
    """
    for fault in presence_faults(demande):
        raise Refusal(fault.code, fault.raison)
