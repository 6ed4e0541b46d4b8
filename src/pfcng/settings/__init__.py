"""The settings: one frozen tree each for a platform and for PFCNG-IGC.

Every setting says in French what it is for: the example file and docs/exploitation/reglages.md are made from that.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pfcng.contract.catalogue import PRODUCTS
from pfcng.domain.rules import Rules
from pfcng.settings.kinds import Address, Dsn, File, HttpUrl, Some, told
from pfcng.settings.loading import FileSettings
from pfcng.settings.parts import (
    Clients,
    Confiance,
    Courrier,
    Emettrice,
    HeldConfiance,
    HeldEmettrice,
    HeldPair,
    Igc,
    KeyPair,
    Limites,
    Publication,
)

__all__ = [
    "Clients",
    "Confiance",
    "Courrier",
    "Emettrice",
    "HeldEmettrice",
    "HeldPair",
    "Igc",
    "IgcSettings",
    "KeyPair",
    "Limites",
    "PlatformSettings",
    "Publication",
    "Settings",
]


class Settings(BaseSettings):
    """Everything that a platform is told when it starts, by its maker and by the environment (``PFCNG_…``)."""

    model_config = SettingsConfigDict(env_prefix="PFCNG_", frozen=True, extra="forbid")

    dsn: str | None = None
    proxies: tuple[IPvAnyNetwork, ...] = told(
        "Les réseaux des mandataires dont l’en-tête Client-Cert est cru.", (), example=["10.0.0.0/8"]
    )
    produits_fermes: frozenset[str] = told(
        "Les produits qui ne peuvent pas être commandés.", frozenset(), example=["PS_SIGN"]
    )
    nom_applicatif_strict: bool = told("Tient nomApplicatif à la RFC 1035.", True)
    journal_ancre: Literal["syslog"] | Path | None = told(
        "Où la tête du journal est gardée hors de la base : « syslog », ou un fichier.",
        None,
        example="/var/lib/pfcng/ancre",
    )
    journal_ancre_toutes_les: int = told("Entrées scellées entre deux ancrages.", 100, ge=1)
    reprises_revocation: tuple[timedelta, ...] = told(
        "Attentes, en secondes, entre deux essais d’une révocation à laquelle PFCNG-IGC ne répond pas (RMT_ERR_012).",
        Rules().revocation_retries,
        example=[60, 300, 900, 3600],
    )
    igc: Igc | None = told("PFCNG-IGC, si elle est un service à part ; sinon, donnez « emettrices ».", None)
    serveur: KeyPair = told("Le certificat TLS du Web Service ; SIGHUP le fait relire.")
    emettrices: tuple[Emettrice, ...] = told("Les AC qui émettent, avec leurs clés ; sinon, donnez « igc ».")
    autres_autorites: tuple[Emettrice, ...] = told(
        "Les AC qui n’émettent pas de produit et dont les CRL et l’OCSP sont faits ici (AC des cartes, racines).", ()
    )
    confiance: Confiance = told("Qui est cru : cartes, serveurs, et leurs CRL ; SIGHUP fait relire ces fichiers.")
    publication: Publication = told("Ce que les certificats disent de l’endroit où trouver CRL, AC et OCSP.")
    courrier: Courrier | None = told("Comment partent les courriels ; les workers seuls le lisent.", None)

    @field_validator("produits_fermes")
    @classmethod
    def _known_products(cls, labels: frozenset[str]) -> frozenset[str]:
        unknown = labels - {product.label for product in PRODUCTS}
        if unknown:
            raise ValueError(f"produits inconnus : {', '.join(sorted(unknown))}")
        return labels


class PlatformSettings(Settings, FileSettings):
    """Everything that ``pfcng serve``, ``pfcng worker`` and ``pfcng migrer`` are told.

    Each one may come from the environment, which counts more than the file: ``PFCNG_DSN``, ``PFCNG_SERVEUR__CLE``.
    """

    model_config = SettingsConfigDict(
        env_prefix="PFCNG_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    dsn: Dsn = told(
        "La base PostgreSQL (15 ou plus, UTF-8) ; un mot de passe est mieux dans PFCNG_DSN ou un passfile. Sans "
        "connect_timeout ni tcp_user_timeout, 5 s pour s’y connecter et 30 s sans réponse avant de la croire perdue.",
        example="host=base.interne dbname=pfcng user=pfcng",
    )
    ecoute: Address = told("Où écoute le Web Service, en HTTPS.", "127.0.0.1:8443", example="0.0.0.0:8443")
    ecoute_http: Address = told(
        "Où sont servis CRL, AC et OCSP, en HTTP simple.", "127.0.0.1:8080", example="0.0.0.0:8080"
    )
    ecoute_exploitation: Address = told(
        "Où se disent la santé et les métriques, en HTTP simple et à qui demande : pour l’exploitant seul.",
        "127.0.0.1:8081",
    )
    ecoute_worker: Address | None = told(
        "Idem, d’un « pfcng worker » ; avec « pfcng serve --with-worker », tout est à ecoute_exploitation.",
        None,
        example="127.0.0.1:8082",
    )
    traces: HttpUrl | None = told(
        "Le collecteur OpenTelemetry (OTLP en HTTP) qui reçoit les traces ; il faut « pip install pfcng[traces] ».",
        None,
        example="http://127.0.0.1:4318",
    )
    processus: int = told("Processus qui servent ; autant que de cœurs.", 2, ge=1, le=64)
    delai_arret: timedelta = told(
        "Secondes laissées aux requêtes en cours quand la plateforme s’arrête.",
        timedelta(seconds=30),
        ge=timedelta(0),
        le=timedelta(minutes=10),
    )
    serveur: HeldPair
    emettrices: tuple[HeldEmettrice, ...] = ()
    autres_autorites: tuple[HeldEmettrice, ...] = ()
    confiance: HeldConfiance
    limites: Limites = told("Ce qu’un client peut prendre d’un processus.", Limites())

    @model_validator(mode="after")
    def _one_igc(self) -> Self:
        if (self.igc is None) == (not self.emettrices):
            raise ValueError("donnez soit « emettrices », soit « igc »")
        return self

    @property
    def publishes(self) -> bool:
        """Whether the key of any authority is here."""
        return bool(self.emettrices or self.autres_autorites)


class IgcSettings(FileSettings):
    """Everything that PFCNG-IGC as a service is told when it starts (docs/service-igc.md).

    Each one may come from the environment, which counts more than the file: ``PFCNG_IGC_DSN``,
    ``PFCNG_IGC_SERVEUR__CLE``.
    """

    model_config = SettingsConfigDict(
        env_prefix="PFCNG_IGC_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    dsn: Dsn = told("Sa base PostgreSQL, à elle seule.", example="host=base.interne dbname=igc user=igc")
    ecoute: Address = told("Où le service écoute, en HTTPS.", "127.0.0.1:9443")
    ecoute_http: Address = told("Où sont servis CRL, AC et OCSP, en HTTP simple.", "127.0.0.1:9080")
    ecoute_exploitation: Address = told(
        "Où se disent la santé et les métriques, en HTTP simple et à qui demande : pour l’exploitant seul.",
        "127.0.0.1:9081",
    )
    traces: HttpUrl | None = told(
        "Le collecteur OpenTelemetry (OTLP en HTTP) qui reçoit les traces ; il faut « pip install pfcng[traces] ».",
        None,
        example="http://127.0.0.1:4318",
    )
    serveur: HeldPair = told("Son certificat TLS ; SIGHUP le fait relire.")
    emettrices: Annotated[tuple[HeldEmettrice, ...], Some] = told("Les AC qui émettent, avec leurs clés.")
    autres_autorites: tuple[HeldEmettrice, ...] = told(
        "Les AC qui n’émettent pas de produit et dont les CRL et l’OCSP sont faits ici (racines, AC des cartes).", ()
    )
    racines: tuple[File, ...] = told(
        "Les racines publiées dont la clé est ailleurs, PEM ; leurs CRL sont dans publication.crls.", ()
    )
    clients: Clients = told("À qui le service répond ; SIGHUP le fait relire.")
    publication: Publication = told("Ce que les certificats disent de l’endroit où trouver CRL, AC et OCSP.")
