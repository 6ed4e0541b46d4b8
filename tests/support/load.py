"""Clients that order, withdraw, revoke and follow without rest, and remember what they were promised.

They do what health software does: a client that is told to come back comes back, one whose answer is lost asks again
at the other address. Every answer that nobody should ever get is kept in ``odd``.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from threading import Event
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.client import Client
from pfcng.client.errors import FaultError, TransportError
from pfcng.contract import codes
from pfcng.contract.catalogue import Offre, Product, TypeDemande, Usage
from pfcng.contract.messages import (
    ReponseDemandeCertificats,
    ReponseRetraitCertificat,
    ReponseRevocationCertificat,
    Request,
    RequeteDemandeCertificats,
    RequeteRetraitCertificat,
    RequeteSuiviActivite,
    Response,
)
from support.csrs import make_csr
from support.demandes import HOPITAL, demande_for
from support.revocations import revocation_of

ORG: Final = Product(Offre.ORG, Usage.AUTH_CLI)
LOT: Final = 3
AGAIN: Final = frozenset({codes.WSMG_15.value, codes.WSMG_18.value})
"""« Veuillez renouveler votre demande de retrait ultérieurement. »"""
BUSY: Final = frozenset({429, 502, 503})
"""HTTP statuses that tell a client to come back."""
PAUSE: Final = 0.2
"""Seconds before a client comes back."""
PATIENCE: Final = 20.0
"""Seconds that a client waits for an answer."""


@dataclass
class Promises:
    """What was acknowledged.

    Attributes:
        ordered: Number of a demande → its key.
        delivered: Number → its certificate.
        revoked: Serial numbers.
        unsure: Numbers of which the answer to a retrait was lost after the retrait may have been carried out.
        answers: How often each answer came.
        odd: Answers that are never right.
    """

    ordered: dict[int, rsa.RSAPublicKey] = field(default_factory=dict)
    delivered: dict[int, x509.Certificate] = field(default_factory=dict)
    revoked: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)

    def add(self, other: "Promises") -> None:
        """Take in another client's."""
        self.ordered |= other.ordered
        self.delivered |= other.delivered
        self.revoked |= other.revoked
        self.unsure |= other.unsure
        self.answers += other.answers
        self.odd += other.odd

    @property
    def open(self) -> set[int]:
        """What was ordered, not delivered, and may still be."""
        return set(self.ordered) - set(self.delivered)


class Customer:
    """One client, which goes round the addresses of a platform."""

    def __init__(self, clients: Sequence[Client], keys: Iterator[rsa.RSAPrivateKey], over: Event) -> None:
        self.promises = Promises()
        self._clients = cycle(clients)
        self._client = next(self._clients)
        self._keys = keys
        self._over = over
        self._asked: set[int] = set()

    def work(self) -> None:
        """Order, withdraw, revoke, follow, until it is over."""
        while not self._over.is_set():
            for numero in self.order():
                self.withdraw(numero)
            self.revoke_one()
            self._ask(_PRODUITS)

    def order(self) -> list[int]:
        """A lot of new keys; the numbers that were promised."""
        keys = [next(self._keys) for _ in range(LOT)]
        demandes = tuple(demande_for(ORG, make_csr(key)) for key in keys)
        reply = self._ask(RequeteDemandeCertificats(demandes=demandes))
        if not isinstance(reply, ReponseDemandeCertificats):
            return []
        self._expect(reply.statut_lot == "OK", reply.message)
        numbers = [int(demande.indice_retrait or 0) for demande in reply.demandes]
        self.promises.ordered |= dict(zip(numbers, (key.public_key() for key in keys), strict=True))
        return numbers

    def withdraw(self, numero: int) -> None:
        """Ask until it is delivered, or over."""
        while numero not in self.promises.delivered and not self._over.is_set():
            request = RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="un code")
            reply = self._ask(request, lambda: self.promises.unsure.add(numero))
            if not isinstance(reply, ReponseRetraitCertificat):
                continue
            if reply.certificat is not None:
                certificate = x509.load_pem_x509_certificate(reply.certificat.encode())
                self.promises.delivered[numero] = certificate
            elif reply.statut == codes.WSMG_11.value and numero in self.promises.unsure:
                return  # the answer that was lost brought it
            elif reply.statut in AGAIN:
                self._over.wait(PAUSE)
            else:
                self._expect(False, f"{numero}: {reply.statut} {reply.message}")
                return

    def revoke_one(self) -> None:
        """Revoke the certificate that came last."""
        for certificate in list(self.promises.delivered.values())[-1:]:
            if certificate.serial_number in self._asked:
                return
            self._asked.add(certificate.serial_number)  # once: a second one is refused whatever became of the first
            reply = self._ask(revocation_of(certificate))
            if isinstance(reply, ReponseRevocationCertificat):
                self._expect(reply.statut == "OK", f"{reply.statut} {reply.message}")
                self.promises.revoked.add(certificate.serial_number)

    def _ask(self, request: Request, lost: Callable[[], None] = lambda: None) -> Response | None:
        """The reply, or None and another address when none came; ``lost`` is told when it may have been carried out."""
        try:
            reply = self._client.call(request)
        except FaultError as fault:
            self._expect(fault.faultcode == "Server" and bool(fault.incident), fault.message)
            self._count("incident")
            lost()
        except TransportError as error:
            self._expect(error.status is None or error.status in BUSY, f"{error.status} {error.message}")
            self._count(str(error.status or "no answer"))
            if error.maybe_received:
                lost()
        else:
            self._count(type(reply).__name__)
            return reply
        self._client = next(self._clients)
        self._over.wait(PAUSE)
        return None

    def _count(self, answer: str) -> None:
        self.promises.answers[answer] += 1

    def _expect(self, fine: bool, otherwise: str) -> None:
        if not fine:
            self.promises.odd.append(otherwise)


_PRODUITS: Final = RequeteSuiviActivite(
    type_demande=TypeDemande.PRODUITS, offre=Offre.ORG, id_nat_struct=HOPITAL, usage=Usage.AUTH_CLI
)


@contextmanager
def load(
    connect: Callable[[int], Client], ports: Sequence[int], keys: Iterator[rsa.RSAPrivateKey], clients: int
) -> Iterator[Promises]:
    """That many clients at work until the end of the block; then what they were promised."""
    promises, over = Promises(), Event()
    with ExitStack() as stack, ThreadPoolExecutor(clients) as threads:
        customers = []
        for number in range(clients):
            turned = [*ports[number % len(ports) :], *ports[: number % len(ports)]]
            customers.append(Customer([stack.enter_context(connect(port)) for port in turned], keys, over))
        working: list[Future[None]] = [threads.submit(customer.work) for customer in customers]
        try:
            yield promises
        finally:
            over.set()
            for future in working:
                future.result()
            for customer in customers:
                promises.add(customer.promises)
