"""Test cards as they are made: options checked, the authority's key opened, files written."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pfcng.client.files import PRIVATE, create
from pfcng.contract.catalogue import Environment
from pfcng.contract.identifiers import MAX_LENGTH
from pfcng.domain import departements
from pfcng.domain.annuaire import EMPLOYEE_TITLE
from pfcng.igc import card_office
from pfcng.igc.card_office import CardRefused
from pfcng.igc.cards import CardSpec, CardStructure, CardType, CardUse
from pfcng.igc.migrations import IGC
from pfcng.igc.urls import PublicationUrls
from pfcng.node.faults import StartFault, faults_told, read_settings
from pfcng.pki.keys import Credential, load_certificates, load_kept
from pfcng.pki.signers.keyring import Keyring
from pfcng.pki.signers.outside import KeyUnavailable
from pfcng.settings import IgcSettings
from pfcng.store.database import Database
from pfcng.store.migrations import check_schema
from pfcng.store.reaching import reach

_BITS: Final = 2048
_STEMS: Final = {CardUse.AUTH: "authentification", CardUse.SIGN: "signature"}
_PUBLIC: Final = 0o644
_PROFESSIONALS: Final = ("CPS", "CPF")
_ID: Final = re.compile(rf"[!-~]{{1,{MAX_LENGTH}}}")
_MAX_TEXT: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The card of a command line."""

    type: str
    id_nat: str
    nom: str
    prenom: str
    titre: str | None
    profession: int | None
    struct: str | None
    raison_sociale: str | None
    departement: str | None

    def spec(self) -> CardSpec:
        """The card that is asked for.

        Raises:
            StartFault: With everything that is wrong with it.
        """
        if faults := list(self._faults()):
            raise StartFault("\n  ".join(["la carte demandée est à corriger.", *faults]))
        structure = None
        if self.struct and self.raison_sociale and self.departement:
            structure = CardStructure(
                id_nat=self.struct, raison_sociale=self.raison_sociale, departement=self.departement
            )
        return CardSpec(
            name=self.id_nat,
            card_type=CardType(self.type),
            environment=Environment.TEST,
            id_nat=self.id_nat,
            nom=self.nom,
            prenom=self.prenom,
            title=self.titre or EMPLOYEE_TITLE,
            profession=self.profession,
            structure=structure,
        )

    def _faults(self) -> Iterator[str]:
        if self.type not in list(CardType):
            yield f"--type : l’un de {', '.join(CardType)}."
        elif self.type in _PROFESSIONALS:
            if self.profession is None or not self.titre:
                yield f"--profession et --titre : obligatoires pour une carte {self.type}."
        elif not (self.struct and self.raison_sociale and self.departement):
            yield f"--struct, --raison-sociale et --departement : obligatoires pour une carte {self.type}."
        for option, value in (("id-nat", self.id_nat), ("struct", self.struct)):
            if value is not None and not _ID.fullmatch(value):
                yield f"--{option} : 1 à {MAX_LENGTH} caractères, sans espace ni accent."
        texts = (
            ("nom", self.nom),
            ("prenom", self.prenom),
            ("titre", self.titre),
            ("raison-sociale", self.raison_sociale),
        )
        for option, value in texts:
            if value is not None and not _is_text(value):
                yield f"--{option} : 1 à {_MAX_TEXT} caractères, sans caractère de contrôle."
        if self.departement is not None and not departements.is_known(self.departement):
            yield "--departement : aucun n’a ce code."


def _is_text(value: str) -> bool:
    return 1 <= len(value.strip()) <= _MAX_TEXT and not any(unicodedata.category(sign) == "Cc" for sign in value)


def make(config: Path, spec: CardSpec, folder: Path, now: datetime) -> None:
    """Make the keys and certificates of a card, and write them into a folder of their own.

    Raises:
        StartFault: Nothing was written, or not all.
    """
    if folder.exists():
        raise StartFault(f"{folder} existe déjà.")
    with _opened(config) as (settings, database, keyring):
        authority = card_office.choose_authority(spec, _authorities(settings, keyring))
        files: dict[str, tuple[bytes, int]] = {}
        for use, stem in _STEMS.items():
            key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
            urls = PublicationUrls(**settings.publication.model_dump(exclude={"crls"}))
            certificate = card_office.issue(
                spec, use, key.public_key(), authority, urls=urls, database=database, now=now
            )
            chain = b"".join(one.public_bytes(Encoding.PEM) for one in (certificate, authority.certificate))
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            files |= {f"{stem}.pem": (chain, _PUBLIC), f"{stem}.key": (pem, PRIVATE)}
        folder.mkdir(mode=0o700, parents=True)
        for name, (content, mode) in files.items():
            create(folder / name, content, mode)


def revoke(config: Path, file: Path, now: datetime) -> bool:
    """Oppose the certificate of a file; False when it was already.

    Raises:
        StartFault: It is not revoked.
    """
    with _opened(config) as (_, database, _):
        certificate: x509.Certificate = load_certificates(file)[0]
        return card_office.revoke(certificate, database=database, now=now)


@contextmanager
def _opened(config: Path) -> Iterator[tuple[IgcSettings, Database, Keyring]]:
    """What PFCNG-IGC works with, and its faults told.

    Raises:
        StartFault: Something failed.
    """
    settings = read_settings(str(config), lambda: IgcSettings.load(config))
    with faults_told(), ExitStack() as stack:
        reach(settings.dsn)
        check_schema(settings.dsn, IGC, remedy="pfcng igc migrer")
        database, keyring = Database(settings.dsn, role=None), Keyring()
        stack.callback(database.close)
        stack.callback(keyring.close)
        try:
            yield settings, database, keyring
        except CardRefused as refused:
            raise StartFault(str(refused)) from None
        except KeyUnavailable as error:
            raise StartFault(str(error), is_outage=True) from None


def _authorities(settings: IgcSettings, keyring: Keyring) -> list[Credential]:
    return [
        load_kept(one.certificat, one.source(), keyring) for one in (*settings.emettrices, *settings.autres_autorites)
    ]
