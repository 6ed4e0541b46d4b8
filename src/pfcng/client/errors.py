"""What can go wrong for a program that uses the client; every message is French, to be shown as it is."""

from collections.abc import Sequence
from pathlib import Path

from pfcng.client.advice import advice_for
from pfcng.contract.messages import Response


class ClientError(Exception):
    """Anything that kept the client from the answer asked for.

    Attributes:
        message: What happened, in French. It holds no secret.
        conseil: What to do, in French; may be empty.
        diagnostic: The precise cause, when the platform tells it (header ``X-Pfcng-Diagnostic``); else ``None``.
    """

    def __init__(self, message: str, *, conseil: str = "", diagnostic: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.conseil = conseil
        self.diagnostic = diagnostic


class ProfileError(ClientError):
    """The profile cannot be used.

    Attributes:
        faults: Every fault found, one French sentence each.
    """

    def __init__(self, faults: Sequence[str], *, file: Path | None = None) -> None:
        self.faults = tuple(faults)
        head = f"Le profil {file} n’est pas utilisable :" if file else "Le profil n’est pas utilisable :"
        super().__init__("\n".join((head, *(f"- {fault}" for fault in self.faults))))


class RequestError(ClientError):
    """The request does not follow the contract's schema; nothing was sent.

    Attributes:
        element: The element that does not fit, as the schema spells it; ``None`` when a character is at fault.
        limite: What the schema asks of it, in French; may be empty.
    """

    def __init__(self, message: str, *, element: str | None = None, limite: str = "") -> None:
        super().__init__(message)
        self.element = element
        self.limite = limite


class CardError(ClientError):
    """The card or token that signs does not answer; nothing was sent."""


class RefusedError(ClientError):
    """The platform refused the request with a code of guide §19, whose text is the message.

    Attributes:
        code: The platform's code, such as ``WSMG-00000027``.
        reply: The whole reply.
    """

    def __init__(self, code: str, message: str, reply: Response, *, diagnostic: str | None = None) -> None:
        super().__init__(message, conseil=advice_for(code, message), diagnostic=diagnostic)
        self.code = code
        self.reply = reply

    def __str__(self) -> str:
        return f"{self.code} : {self.message}"


class FaultError(ClientError):
    """The platform answered with a SOAP fault: a message it cannot read (Client), or a failure of its own (Server).

    Attributes:
        faultcode: ``Client``, ``Server``… without its prefix.
        incident: The number to give to the platform's support, when the fault has one.
    """

    def __init__(
        self, faultcode: str, message: str, *, incident: str | None = None, diagnostic: str | None = None
    ) -> None:
        super().__init__(message, diagnostic=diagnostic)
        self.faultcode = faultcode
        self.incident = incident

    @property
    def maybe_received(self) -> bool:
        """Whether the platform may have carried out the request all the same (SOAP 1.1 §4.4.1)."""
        return self.faultcode != "Client"


class TransportError(ClientError):
    """No usable answer came: network, TLS, time out, HTTP 403, or something that is not the Web Service.

    Attributes:
        maybe_received: Whether the platform may have received and carried out the request all the same.
        temporary: Whether the same request may fare better a moment later.
        status: The HTTP status, when there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        maybe_received: bool,
        temporary: bool = False,
        status: int | None = None,
        diagnostic: str | None = None,
    ) -> None:
        super().__init__(message, diagnostic=diagnostic)
        self.maybe_received = maybe_received
        self.temporary = temporary
        self.status = status


class IncompleteError(ClientError):
    """A suivi could not be listed whole: some days hold more lines than one reply has. The rest was given."""
