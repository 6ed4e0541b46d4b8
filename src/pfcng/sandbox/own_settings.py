"""The settings of a sandbox: its own authorities and addresses, and what the environment adds."""

import os
import re
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

from pfcng.igc.urls import PublicationUrls
from pfcng.mistakes import french
from pfcng.pki.authorities import AUTHORITIES, PERSONNES_AUTHORITIES, ROOTS, SERVER_AUTHORITIES, Gamme
from pfcng.sandbox.mistakes import SandboxError
from pfcng.sandbox.pki import SandboxPki
from pfcng.settings import Confiance, Courrier, Emettrice, KeyPair, Publication, Settings
from pfcng.settings.loading import FileSettings
from pfcng.settings.strangers import Strangers

_SENDER: Final = "Plateforme de certificats (bac à sable) <ne-pas-repondre@pfcng.example>"
_UNREADABLE: Final = re.compile(r'field "(\w+)"')


class _Settings(Settings):
    """Those, and what looks like one of the environment and is none."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - idem
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, Strangers(settings_cls, FileSettings.__subclasses__()))


def sandbox_settings(pki: SandboxPki, urls: PublicationUrls, directory: Path) -> Settings:
    """The sandbox's own settings, and those of the environment (``PFCNG_DSN``, ``PFCNG_PROXIES``…).

    Raises:
        SandboxError: A variable is to be corrected.
    """
    own: dict[str, Any] = {}
    if "PFCNG_COURRIER" not in os.environ:
        own["courrier"] = Courrier(expediteur=_SENDER, dossier=directory / "courrier")
    accepted = (*PERSONNES_AUTHORITIES, *SERVER_AUTHORITIES)
    files = {name: pki.authorities[name.common_name] for name in (*ROOTS, *AUTHORITIES)}
    pairs = {name: Emettrice(certificat=one.pair.certificate, cle=one.pair.key) for name, one in files.items()}
    issuing = {name: pair for name, pair in pairs.items() if name in AUTHORITIES and name.gamme is Gamme.ELEMENTAIRE}
    try:
        settings = _Settings(
            serveur=KeyPair(certificat=pki.server.certificate, cle=pki.server.key),
            emettrices=tuple(issuing.values()),
            autres_autorites=tuple(pair for name, pair in pairs.items() if name not in issuing),
            confiance=Confiance(
                racines=(pki.anchors,),
                autorites=tuple(files[name].pair.certificate for name in accepted),
            ),
            publication=Publication(http=urls.http, ldap=urls.ldap, ocsp=urls.ocsp),
            **own,
        )
        if settings.igc is None:
            return settings
        # Its own authorities do not issue then; their CRLs are still made here, for its cards and servers.
        return settings.model_copy(update={"emettrices": (), "autres_autorites": tuple(pairs.values())})
    except ValidationError as error:
        found = [(_setting(fault["loc"]), french(fault)) for fault in error.errors(include_input=False)]
    except SettingsError as error:
        found = [(name.upper(), "valeur JSON attendue") for name in _UNREADABLE.findall(str(error))]
    raise SandboxError("\n  ".join(f"PFCNG_{name.removeprefix('PFCNG_')} : {fault}" for name, fault in found))


def _setting(place: tuple[int | str, ...]) -> str:
    """The name of a variable, and of the key inside its JSON object."""
    name, *keys = (part for part in place if isinstance(part, str))
    return ".".join([name.upper(), *keys])
