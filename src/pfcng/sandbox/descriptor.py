"""``sandbox.json`` and the client profiles: how any language finds what the sandbox made.

``sandbox.json`` is there while the sandbox listens. Its paths are relative to it. Version 1:

    version     1
    urls        ws_srv, ws_apt, http
    confiance   PEM file of the roots
    autorites   CN → certificat (PEM), environnement
    serveurs    editeur (on the white list of ws-srv), intrus (not on it) → certificat, cle (PEM)
    cartes      name → type, id_nat, environnement, auth and sign → certificat, cle (PEM)
    structures  name → id_nat, raison_sociale
    profils     name → client profile (TOML)
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pfcng.sandbox.demonstration import Demonstration
from pfcng.sandbox.pairs import Pair, write
from pfcng.sandbox.pki import SandboxPki

FILE_NAME = "sandbox.json"
_PROFILES = "profils"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the sandbox listens."""

    service: str
    http: str

    @property
    def ws_srv(self) -> str:
        """Address for servers (guide §3.2)."""
        return f"{self.service}/ws-srv"

    @property
    def ws_apt(self) -> str:
        """Address for card holders (guide §3.2)."""
        return f"{self.service}/ws-apt"


def write_profiles(directory: Path, pki: SandboxPki, addresses: Addresses) -> dict[str, str]:
    """Write two client profiles a card and give their paths by name.

    ``<card>`` connects to ws-apt with the card itself, ``<card>-srv`` to ws-srv with the certificate ``editeur``.
    """
    profiles: dict[str, str] = {}
    bundle = directory / _PROFILES / "autorites.pem"
    write(bundle, b"".join(authority.pair.certificate.read_bytes() for authority in pki.authorities.values()))
    for name, card in pki.cards.items():
        for suffix, url, tls in (
            ("", addresses.ws_apt, card.auth),
            ("-srv", addresses.ws_srv, pki.clients["editeur"]),
        ):
            path = directory / _PROFILES / f"{name}{suffix}.toml"
            write(path, _profile(path.parent, url, pki.anchors, tls, card.sign).encode())
            profiles[name + suffix] = path.relative_to(directory).as_posix()
    return profiles


def _profile(folder: Path, url: str, anchors: Path, tls: Pair, sign: Pair) -> str:
    lines = [f"url = {json.dumps(url)}", f"confiance = {_path(folder, anchors)}", 'autorites = "autorites.pem"']
    for table, pair in (("tls", tls), ("signature", sign)):
        lines += [
            "",
            f"[{table}]",
            f"certificat = {_path(folder, pair.certificate)}",
            f"cle = {_path(folder, pair.key)}",
        ]
    return "\n".join(lines) + "\n"


def _path(folder: Path, path: Path) -> str:
    """A TOML string: the path as seen from a folder beside it."""
    return json.dumps("../" + path.relative_to(folder.parent).as_posix(), ensure_ascii=False)


def describe(
    directory: Path, pki: SandboxPki, demonstration: Demonstration, addresses: Addresses, profiles: dict[str, str]
) -> dict[str, Any]:
    """The content of ``sandbox.json``."""

    def files(pair: Pair) -> dict[str, str]:
        return {
            "certificat": pair.certificate.relative_to(directory).as_posix(),
            "cle": pair.key.relative_to(directory).as_posix(),
        }

    return {
        "version": 1,
        "urls": {"ws_srv": addresses.ws_srv, "ws_apt": addresses.ws_apt, "http": addresses.http},
        "confiance": pki.anchors.relative_to(directory).as_posix(),
        "autorites": {
            name: {
                "certificat": authority.pair.certificate.relative_to(directory).as_posix(),
                "environnement": authority.name.environment,
            }
            for name, authority in pki.authorities.items()
        },
        "serveurs": {name: files(pair) for name, pair in pki.clients.items()},
        "cartes": {
            name: {
                "type": card.spec.card_type,
                "id_nat": card.spec.id_nat,
                "environnement": card.spec.environment,
                "auth": files(card.auth),
                "sign": files(card.sign),
            }
            for name, card in pki.cards.items()
        },
        "structures": {
            name: {"id_nat": structure.id_nat, "raison_sociale": structure.raison_sociale}
            for name, structure in demonstration.structures.items()
        },
        "profils": profiles,
    }


def write_descriptor(directory: Path, content: dict[str, Any]) -> None:
    """Put ``sandbox.json`` in its place at once and whole."""
    write(directory / FILE_NAME, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def remove_descriptor(directory: Path) -> None:
    """Tell that the sandbox does not listen any more."""
    (directory / FILE_NAME).unlink(missing_ok=True)
