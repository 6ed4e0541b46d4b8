"""The one exception by which a rule says no."""

from pfcng.contract.codes import Code


class Refusal(Exception):
    """A request, or one demande of it, is refused with a code of the guide.

    Attributes:
        code: The entry of the register (guide §19 table 22).
        raison: What fills the text's variable part, in French; empty where the text has none.
        diagnostic: The precise cause for the log and the journal. It holds no secret and never reaches the client.
    """

    def __init__(self, code: Code, raison: str = "", *, diagnostic: str = "") -> None:
        super().__init__(code.value, raison or diagnostic)
        self.code = code
        self.raison = raison
        self.diagnostic = diagnostic

    @property
    def message(self) -> str:
        """The text of the code with the raison filled in."""
        return self.code.message(self.raison)
