"""What becomes of demandes, produits and révocations, told a second time: by the guide's labels, without the code.

An act gives the code that its answer must carry, ``OK`` when it is accepted and ``KILLED`` where it was cut short.
Source: guide §14 to §17, §20; docs/life-of-a-demande.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Literal

OK: Final = "OK"
KILLED: Final = "KILLED"
RETRAIT_DELAY: Final = timedelta(days=30)

Fault = Literal["register unavailable", "register refused", "register killed", "issue unavailable", "issue killed"]
"""What a retrait meets at the authority."""
Fate = Literal["good", "presented", "broken csr", "incomplete", "outside"]
"""What a demande is: its key presented before, its CSR wrong, an element missing, a structure without rights."""

_REFUSED: Final[dict[Fate, tuple[str, str]]] = {
    "presented": ("WSMG-00000009", "Demande rejetée"),
    "broken csr": ("WSMG-00000009", "Demande rejetée"),
    "incomplete": ("WSMG-00000035", "Demande non traitée"),
    "outside": ("WSMG-00000010", "Demande rejetée"),
}
_AT_REGISTRATION: Final[dict[Fault | None, tuple[str, str, str]]] = {
    "register unavailable": ("WSMG-00000018", "Demande validée", "Produit à retirer"),
    "register refused": ("WSMG-00000017", "Demande non traitée", "Produit annulé"),
    "register killed": (KILLED, "Demande validée", "Produit à retirer"),
}
_AT_ISSUE: Final[dict[Fault | None, str]] = {"issue unavailable": "WSMG-00000015", "issue killed": KILLED}


@dataclass(slots=True, kw_only=True)
class Life:
    """A demande and its produit.

    Attributes:
        key: The key it presented, None where its CSR was not read.
        fin: The last second of its certificate, once it has one.
    """

    acteur: str
    creee_le: datetime
    key: int | None
    demande: str = "Demande validée"
    produit: str = "Produit à retirer"
    fin: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Revocation:
    """A demande de révocation; ``numero`` is the demande's whose certificate it is about."""

    numero: int
    day: date
    steals: bool
    etat: str = "Demande enregistrée"


@dataclass(slots=True)
class Model:
    """Everything there is."""

    lives: dict[int, Life] = field(default_factory=dict)
    revocations: list[Revocation] = field(default_factory=list)
    presented: set[int] = field(default_factory=set)
    banned: set[int] = field(default_factory=set)

    def order(self, numero: int, life: Life, fate: Fate) -> str:
        """A demande of a lot; its key counts as presented wherever its CSR was read."""
        self.lives[numero] = life
        if fate in _REFUSED:
            code, life.demande = _REFUSED[fate]
            life.produit = "Produit annulé"
        else:
            code = OK
        if life.key is not None:
            self.presented.add(life.key)
        return code

    def renew(self, numero: int, life: Life, old: Life, fate: Fate) -> str:
        """A demande that renews: the old certificate must count."""
        current = old.produit == "Produit actif" and old.fin is not None and life.creee_le <= old.fin
        code = self.order(numero, life, fate)
        if fate == "broken csr" or current:
            return code
        life.demande, life.produit = "Demande rejetée", "Produit annulé"
        return "WSMG-00000010"

    def withdraw(self, numero: int, acteur: str, fault: Fault | None) -> str:
        """A retrait, without its delivery."""
        life = self.lives[numero]
        states = (life.demande, life.produit)
        if acteur != life.acteur:
            return "WSMG-00000030"
        if states == ("Demande transmise", "Produit retiré"):
            return OK
        if states == ("Demande validée", "Produit à retirer"):
            if fault in _AT_REGISTRATION:
                code, life.demande, life.produit = _AT_REGISTRATION[fault]
                return code
            life.demande = "Demande transmise"
        elif states != ("Demande transmise", "Produit à retirer"):
            return "WSMG-00000011"
        if fault in _AT_ISSUE:
            return _AT_ISSUE[fault]
        life.produit = "Produit retiré"
        return OK

    def deliver(self, numero: int) -> None:
        """The reply of a retrait has left."""
        life = self.lives[numero]
        if (life.demande, life.produit) == ("Demande transmise", "Produit retiré"):
            life.demande, life.produit = "Demande close", "Produit actif"

    def cancel(self, numero: int, acteur: str) -> str:
        """A cancellation by somebody."""
        life = self.lives[numero]
        if acteur != life.acteur:
            return "WSMG-00000030"
        if life.produit != "Produit à retirer":
            return "WSMG-00000011"
        ends = {"Demande validée": "Demande non traitée", "Demande transmise": "Demande annulée"}
        life.demande, life.produit = ends[life.demande], "Produit annulé"
        return OK

    def expire(self, now: datetime) -> int:
        """The cancellation of what was not withdrawn in time; how many."""
        late = [
            numero
            for numero, life in self.lives.items()
            if life.produit == "Produit à retirer" and life.creee_le < now - RETRAIT_DELAY
        ]
        for numero in late:
            self.cancel(numero, self.lives[numero].acteur)
        return len(late)

    def revoke(self, new: Revocation, acteur: str, today: date, *, killed: bool) -> str:
        """A révocation by somebody; one for today is carried out at once, unless it is cut short."""
        life, waiting = self.lives[new.numero], self._waiting(new.numero)
        if acteur != life.acteur or life.produit not in {"Produit actif", "Produit retiré"} or new.day < today:
            return "WSMG-00000012"
        if waiting is not None and waiting.day <= new.day:
            return "WSMG-00000012"
        if waiting is not None:
            waiting.etat = "Demande non traitée"
        self.revocations.append(new)
        if new.day > today:
            return OK
        if killed:
            return KILLED
        self._carry_out(new)
        return OK

    def apply_due(self, today: date) -> int:
        """The révocations whose day has come; how many."""
        due = [revocation for revocation in self._all_waiting() if revocation.day <= today]
        for revocation in due:
            self._carry_out(revocation)
        return len(due)

    def _carry_out(self, revocation: Revocation) -> None:
        life = self.lives[revocation.numero]
        revocation.etat = "Demande close"
        life.demande = {"Produit actif": "Demande close", "Produit retiré": "Demande annulée"}[life.produit]
        life.produit = "Produit révoqué"
        if revocation.steals and life.key is not None:
            self.banned.add(life.key)

    def _waiting(self, numero: int) -> Revocation | None:
        return next((revocation for revocation in self._all_waiting() if revocation.numero == numero), None)

    def _all_waiting(self) -> Iterable[Revocation]:
        return [revocation for revocation in self.revocations if revocation.etat == "Demande enregistrée"]
