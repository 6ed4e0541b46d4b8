"""A folder that holds one product: what was asked for, and how far each certificate of it has come.

``obtention.json`` is replaced at once before each act; the steps are those of docs/client.md. It holds no secret.
"""

import json
import secrets
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pfcng.client.errors import ClientError
from pfcng.client.files import file_fault, replace_whole
from pfcng.contract.catalogue import Offre, Product, Usage
from pfcng.contract.messages import DemandeCertificat

FILE_NAME: Final = "obtention.json"
_VERSION: Final = 1


class DossierError(ClientError):
    """The folder cannot be used as asked; the message says why."""


class Etape(StrEnum):
    """How far a certificate has come: the act that follows may have begun (docs/client.md)."""

    PREPAREE = "preparee"
    SECRETS = "secrets"
    CLE = "cle"
    DEMANDE = "demande"
    INDICE = "indice"
    RETRAIT = "retrait"
    RETIRE = "retire"
    FICHIERS = "fichiers"
    BASCULE = "bascule"
    TERMINEE = "terminee"
    REFUSEE = "refusee"
    PERDUE = "perdue"


ENDED: Final = frozenset({Etape.TERMINEE, Etape.REFUSEE, Etape.PERDUE})
"""Nothing follows."""


class Nature(StrEnum):
    """How a certificate is ordered."""

    DEMANDE = "demande"
    RENOUVELLEMENT = "renouvellement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acte:
    """One certificate of the product, from its order to its service.

    Attributes:
        identifiant: Of its entry in the vault.
        radical: What the names of its files share: ``EL-TEST-ORG-AUTH_CLI-20261123-103506``.
        cle: SHA-256 of its public key (SubjectPublicKeyInfo), in hexadecimal.
        envoi_le: When the order began to be sent.
        remplace: AKI and serial number of the certificate that it renews.
        echec: Why it could not be put in service, the last time.
    """

    identifiant: str
    nature: Nature
    radical: str
    etape: Etape = Etape.PREPAREE
    cle: str | None = None
    envoi_le: str | None = None
    indice_lot: str | None = None
    indice_demande: str | None = None
    indice_retrait: str | None = None
    remplace: tuple[str, str] | None = None
    numero_serie: str | None = None
    aki: str | None = None
    sujet: str | None = None
    debut_validite: str | None = None
    fin_validite: str | None = None
    code: str | None = None
    message: str | None = None
    echec: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.etape in ENDED

    @property
    def fin(self) -> datetime | None:
        """The end of its validity."""
        return datetime.fromisoformat(self.fin_validite) if self.fin_validite else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """The folder's content, as read or about to be written.

    Attributes:
        chemin: The folder, absolute.
        identifiant: Of the folder, whatever its place.
        profil: The profile's file, absolute.
        demande: What was ordered, without a CSR.
        p12_ancien: Whether old programs get a PKCS#12 file of their own.
        actes: The certificates, oldest first; the last one may be under way.
        courante: The radical of the certificate in service.
        revocation: When and why the one in service was revoked.
    """

    chemin: Path
    identifiant: str
    profil: Path
    demande: DemandeCertificat
    p12_ancien: bool = False
    actes: tuple[Acte, ...] = ()
    courante: str | None = None
    revocation: tuple[str, str] | None = None

    @property
    def nom(self) -> str:
        """The folder's name."""
        return self.chemin.name

    @property
    def product(self) -> Product:
        """What it holds."""
        return Product(self.demande.offre, self.demande.usage)

    @property
    def dernier(self) -> Acte:
        """The last certificate ordered."""
        return self.actes[-1]

    @property
    def en_service(self) -> Acte | None:
        """The certificate that the stable names lead to."""
        return next((acte for acte in self.actes if acte.radical == self.courante), None)

    def with_acte(self, acte: Acte) -> "Dossier":
        """The same with this act in the place of the last one."""
        return replace(self, actes=(*self.actes[:-1], acte))

    def save(self) -> None:
        """Write ``obtention.json``; it is on the disk afterwards.

        Raises:
            DossierError: It cannot be written.
        """
        document = {"version": _VERSION, **asdict(self), "profil": str(self.profil)}
        del document["chemin"], document["demande"]["csr"]
        content = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        try:
            replace_whole(self.chemin / FILE_NAME, content.encode())
        except OSError as error:
            raise DossierError(f"{self.chemin / FILE_NAME} ne peut pas être écrit : {file_fault(error)}.") from error

    @classmethod
    def load(cls, chemin: Path) -> "Dossier":
        """Read a folder.

        Raises:
            DossierError: It is not one, or it is damaged.
        """
        file = chemin / FILE_NAME
        try:
            document = json.loads(file.read_text("utf-8"))
            if document.pop("version") != _VERSION:
                raise DossierError(f"{file} est d’une version que ce programme ne connaît pas.")
            return cls(
                **{
                    **document,
                    "chemin": chemin.resolve(),
                    "profil": Path(document["profil"]),
                    "demande": _demande(document["demande"]),
                    "actes": tuple(_acte(acte) for acte in document["actes"]),
                    "revocation": _pair(document["revocation"]),
                }
            )
        except OSError as error:
            raise DossierError(
                f"{chemin} n’est pas un dossier de « pfcng obtenir » : {FILE_NAME} ne peut pas être lu."
            ) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DossierError(f"{file} est abîmé.") from error


def new_acte(nature: Nature, radical: str, remplace: tuple[str, str] | None = None) -> Acte:
    """An act that has not begun."""
    return Acte(identifiant=secrets.token_hex(8), nature=nature, radical=radical, remplace=remplace)


def radical(product: Product, gamme: str, marker: str, at: datetime) -> str:
    """What the names of the files share, as the platform names its own.

    Args:
        product: Offre and usage.
        gamme: ``EL``.
        marker: ``TEST``, ``PROD``, or nothing when the environment is not known.
        at: When, on the clock of Paris.
    """
    usage = product.usage.replace("/", "")
    parts = (gamme, marker, product.offre, usage, f"{at:%Y%m%d-%H%M%S}")
    return "-".join(part for part in parts if part)


def _demande(document: dict[str, Any]) -> DemandeCertificat:
    known = {field.name for field in fields(DemandeCertificat)}
    values = {name: value for name, value in document.items() if name in known}
    values |= {"offre": Offre(values["offre"]), "usage": Usage(values["usage"]), "fqdn": tuple(values["fqdn"])}
    return DemandeCertificat(**values, csr="")


def _acte(document: dict[str, Any]) -> Acte:
    return Acte(
        **{
            **document,
            "nature": Nature(document["nature"]),
            "etape": Etape(document["etape"]),
            "remplace": _pair(document["remplace"]),
        }
    )


def _pair(value: list[str] | None) -> tuple[str, str] | None:
    return None if value is None else (value[0], value[1])
