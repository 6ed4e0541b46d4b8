"""The formats of table 11, as a refusal. Source: guide §14.1 table 11, §16.1 table 15, §17.1 table 17."""

from pfcng.contract import codes
from pfcng.contract.formats import format_faults
from pfcng.contract.messages import Request
from pfcng.contract.refusal import Refusal
from pfcng.domain.rules import Rules


def check_formats(request: Request, rules: Rules) -> None:
    """Refuse a message in which a name or an address is not one: syntax, hence the whole message.

    Raises:
        Refusal: WSMG-00000005 with the name of the first wrong element.
    """
    for name, _value in format_faults(request, strict_nom_applicatif=rules.strict_nom_applicatif):
        raise Refusal(codes.WSMG_05, name[0].upper() + name[1:])
