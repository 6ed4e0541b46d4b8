"""The inventory: the folders that were obtained, and what the platform shows of the same perimeters."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pfcng.client.client import Client
from pfcng.client.deployment import Deployment, DeploymentError
from pfcng.client.dossier import Acte, Dossier, DossierError, Etape
from pfcng.client.errors import ClientError
from pfcng.client.files import exclusive, file_fault, replace_whole
from pfcng.contract.catalogue import Offre, TypeDemande
from pfcng.contract.messages import RequeteSuiviActivite, Resultat

FILE_NAME: Final = "parc.json"
_VERSION: Final = 1
_REVOKED_STATES: Final = ("Produit révoqué",)
ACTIF: Final = "Produit actif"
"""The state of a certificate that was delivered and is not revoked (guide §18.2)."""


class ParcError(ClientError):
    """The inventory cannot be read or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One certificate of the inventory, as people and programs are shown it.

    Attributes:
        nom: The folder's name; empty for a certificate that only the platform knows.
        etat: ``actif``, ``expiré``, ``révoqué``, ``à finir``, ``refusé``, ``inconnu du parc`` or ``illisible``.
        detail: What is left to do, or what went wrong.
        lieux: Where it serves.
    """

    nom: str = ""
    dossier: str = ""
    produit: str = ""
    structure: str = ""
    application: str = ""
    sujet: str = ""
    numero_serie: str = ""
    debut_validite: str = ""
    fin_validite: str = ""
    etat: str = ""
    detail: str = ""
    lieux: tuple[str, ...] = ()
    profil: str = ""

    @property
    def fin(self) -> datetime | None:
        """The end of its validity."""
        try:
            return datetime.fromisoformat(self.fin_validite) if self.fin_validite else None
        except ValueError:
            return None

    def days_left(self, now: datetime) -> int | None:
        """Whole days until the end of its validity; negative afterwards."""
        return (self.fin - now) // timedelta(days=1) if self.fin else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inventory:
    """What ``parc.json`` holds."""

    dossiers: tuple[str, ...] = ()
    lu_le: str | None = None
    plateforme: tuple[dict[str, Any], ...] = ()


class Parc:
    """The inventory of one person or machine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._file = home / FILE_NAME

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off whoever else would renew: the second to come waits for the first."""
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            with exclusive(self.home / ".verrou-parc"):
                yield
        except OSError as error:
            raise ParcError(f"Le dossier {self.home} ne peut pas être écrit : {file_fault(error)}.") from error

    def add(self, folder: Path) -> None:
        """Remember a folder.

        Raises:
            ParcError: The inventory cannot be written.
        """
        path = str(folder.resolve())
        self._change(lambda inventory: replace(inventory, dossiers=tuple(dict.fromkeys((*inventory.dossiers, path)))))

    def forget(self, folder: Path) -> bool:
        """Forget a folder; its files stay. Whether it was known.

        Raises:
            ParcError: The inventory cannot be written.
        """
        path = str(folder.resolve())
        known = path in self._read().dossiers
        self._change(
            lambda inventory: replace(inventory, dossiers=tuple(one for one in inventory.dossiers if one != path))
        )
        return known

    def folders(self) -> list[Path]:
        """The folders, in the order in which they came."""
        return [Path(path) for path in self._read().dossiers]

    def dossiers(self) -> list[Dossier | DossierError]:
        """Each folder as it is now, or why it cannot be read."""
        return [_loaded(path) for path in self.folders()]

    def known_numbers(self, *, but: Path) -> set[str]:
        """The numbers of the demandes of every other folder."""
        return {
            number
            for dossier in self.dossiers()
            if isinstance(dossier, Dossier) and dossier.chemin != but
            for acte in dossier.actes
            for number in (acte.indice_demande,)
            if number
        }

    @property
    def read_at(self) -> datetime | None:
        """When the platform was asked last."""
        moment = self._read().lu_le
        return datetime.fromisoformat(moment) if moment else None

    def refresh(self, open_client: Callable[[Path], Client], *, now: datetime) -> int:
        """Ask the platform for the produits of every perimeter of the folders; how many it showed.

        Args:
            open_client: Opens a client with a profile.
            now: The present.

        Raises:
            ClientError: The platform does not answer, or the inventory cannot be written.
        """
        perimeters = {
            (dossier.profil, dossier.demande.offre, dossier.demande.id_nat_struct, dossier.demande.id_nat_tiers)
            for dossier in self.dossiers()
            if isinstance(dossier, Dossier)
        }
        lines: list[dict[str, Any]] = []
        for profil, offre, structure, tiers in sorted(perimeters, key=str):
            with open_client(profil) as client:
                request = RequeteSuiviActivite(
                    type_demande=TypeDemande.PRODUITS,
                    offre=offre,
                    id_nat_struct=None if offre is Offre.PS else structure,
                    id_nat_tiers=tiers,
                )
                lines += [
                    {"profil": str(profil), **_told(line)} for line in client.suivre(request) if line.numero_serie
                ]
        self._change(
            lambda inventory: replace(inventory, lu_le=now.isoformat(timespec="seconds"), plateforme=tuple(lines))
        )
        return len(lines)

    def lines(self, *, now: datetime) -> list[Line]:
        """Everything: the folders first, then what only the platform knows."""
        inventory = self._read()
        shown = {line["numero_serie"]: line for line in inventory.plateforme}
        own = [line for path in inventory.dossiers for line in _folder_lines(Path(path), shown, now)]
        known = {line.numero_serie for line in own} | _superseded(self.dossiers())
        others = (line for serial, line in shown.items() if serial not in known and line["etat"] == ACTIF)
        return [*own, *(_platform_line(line, now) for line in others)]

    def _read(self) -> _Inventory:
        try:
            document = json.loads(self._file.read_text("utf-8"))
            if document.pop("version") != _VERSION:
                raise ParcError(f"{self._file} est d’une version que ce programme ne connaît pas.")
            return _Inventory(
                dossiers=tuple(document["dossiers"]),
                lu_le=document["lu_le"],
                plateforme=tuple(document["plateforme"]),
            )
        except FileNotFoundError:
            return _Inventory()
        except OSError as error:
            raise ParcError(f"{self._file} ne peut pas être lu : {file_fault(error)}.") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ParcError(f"{self._file} est abîmé.") from error

    def _change(self, change: Callable[[_Inventory], _Inventory]) -> None:
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            with exclusive(self.home / ".verrou-inventaire"):
                document = {"version": _VERSION, **asdict(change(self._read()))}
                replace_whole(self._file, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())
        except OSError as error:
            raise ParcError(f"{self._file} ne peut pas être écrit : {file_fault(error)}.") from error


def is_due(dossier: Dossier, *, before: timedelta, now: datetime) -> bool:
    """Whether the certificate in service is to be renewed: its end is near, it has not come, and it is not revoked."""
    acte = dossier.en_service
    if acte is None or acte.fin is None or dossier.revocation is not None:
        return False
    return now <= acte.fin <= now + before


def _loaded(path: Path) -> Dossier | DossierError:
    try:
        return Dossier.load(path)
    except DossierError as error:
        return error


def _folder_lines(path: Path, shown: dict[str, dict[str, Any]], now: datetime) -> list[Line]:
    dossier = _loaded(path)
    if isinstance(dossier, DossierError):
        return [Line(nom=path.name, dossier=str(path), etat="illisible", detail=dossier.message)]
    acte = dossier.en_service or dossier.dernier
    state = _state(dossier, acte, shown.get(acte.numero_serie or ""), now)
    demande = dossier.demande
    return [
        Line(
            nom=dossier.nom,
            dossier=str(path),
            produit=dossier.product.label,
            structure=demande.id_nat_struct or "",
            application=demande.nom_applicatif or " ".join(demande.fqdn) or demande.mail_sujet or "",
            sujet=acte.sujet or "",
            numero_serie=acte.numero_serie or "",
            debut_validite=acte.debut_validite or "",
            fin_validite=acte.fin_validite or "",
            etat=state,
            detail="" if state == "révoqué" else _detail(dossier),
            lieux=_places(path),
            profil=str(dossier.profil),
        )
    ]


def _state(dossier: Dossier, acte: Acte, shown: dict[str, Any] | None, now: datetime) -> str:
    if dossier.revocation or (shown and shown["etat"] in _REVOKED_STATES):
        return "révoqué"
    if acte.fin is None:
        return "refusé" if acte.etape is Etape.REFUSEE else "à finir"
    return "expiré" if acte.fin < now else "actif"


def _detail(dossier: Dossier) -> str:
    acte = dossier.dernier
    if acte.echec:
        return acte.echec
    if acte.etape is Etape.REFUSEE:
        return f"{acte.code} : {acte.message}"
    return "" if acte.ended else f"étape « {acte.etape} » : pfcng reprendre {dossier.chemin}"


def _places(path: Path) -> tuple[str, ...]:
    try:
        deployment = Deployment.load(path)
    except DeploymentError as error:
        return (error.message,)
    return tuple(filter(None, (deployment.lieu, *(str(copy.target) for copy in deployment.copies))))


def _superseded(dossiers: Iterable[Dossier | DossierError]) -> set[str]:
    """The serial numbers of the certificates that a folder had before."""
    return {
        acte.numero_serie
        for dossier in dossiers
        if isinstance(dossier, Dossier)
        for acte in dossier.actes
        if acte.numero_serie
    }


def _told(line: Resultat) -> dict[str, Any]:
    return {field.name: value for field in fields(line) if (value := getattr(line, field.name))}


def _platform_line(line: dict[str, Any], now: datetime) -> Line:
    found = Line(
        produit=f"{line.get('offre', '')}_{line.get('usage', '')}",
        structure=line.get("id_nat_struct", ""),
        application=line.get("nom_applicatif") or line.get("domaines") or line.get("email_sujet") or "",
        sujet=line.get("dn_sujet", ""),
        numero_serie=line["numero_serie"],
        debut_validite=line.get("date_debut_validite", ""),
        fin_validite=line.get("date_fin_validite", ""),
        etat="inconnu du parc",
        detail="obtenu autrement : la plateforme le montre, aucun dossier ne le tient",
        profil=line["profil"],
    )
    return replace(found, etat="expiré") if found.fin and found.fin < now else found


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)
