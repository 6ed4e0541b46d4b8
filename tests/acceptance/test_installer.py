"""docs/exploitation/installer.md, played: its blocks, in their order, with addresses and folders of a test."""

import os
import re
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from support.workers import wait_until

PAGE: Final = Path(__file__).parents[2] / "docs" / "exploitation" / "installer.md"
PATIENCE: Final = 60
PHRASE: Final = "une phrase secrète"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the guide: a folder with its own /etc and /var, and where commands are typed.

    Attributes:
        folder: Where everything is.
        meant: What a test has in the place of what the guide says.
        env: The variables of its services.
    """

    folder: Path
    meant: Mapping[str, str]
    env: Mapping[str, str]

    @property
    def etc(self) -> Path:
        """Its /etc/pfcng."""
        return self.folder / "etc"

    def blocks(self, section: int, language: str) -> list[str]:
        """Those of a section, as they are to be played here."""
        [text] = re.findall(rf"^## {section}\. .*?(?=^## |\Z)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
        found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        return [self._meant(block) for block in found]

    def play(self, section: int, number: int = 0) -> None:
        """A ``bash`` block, as it stands."""
        self.shell(self.blocks(section, "bash")[number])

    def commands(self, section: int, *programs: str, changed: tuple[str, str] = ("", "")) -> str:
        """What the lines of the ``console`` blocks print that call these programs, a word of them changed."""
        lines = "\n".join(self.blocks(section, "console")).replace("\\\n", " ").splitlines()
        asked = [line.replace(*changed) for line in lines if line.startswith(tuple(f"{one} " for one in programs))]
        assert asked
        return "".join(self.shell(line.replace("pfcng-exploiter", "pfcng")) for line in asked)

    def shell(self, text: str) -> str:
        """What commands print; they have to succeed."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env={**os.environ, "PATH": path, **self.env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, name: str, content: str) -> None:
        """A file of its /etc/pfcng."""
        self.etc.mkdir(exist_ok=True)
        (self.etc / name).touch(mode=0o600)
        (self.etc / name).write_text(content, "utf-8")

    @contextmanager
    def running(self, unit: str) -> Iterator[Path]:
        """What a unit of deploy/systemd starts, from when it tells systemd that it serves; its log."""
        text = self._meant((PAGE.parents[2] / "deploy" / "systemd" / f"{unit}.service").read_text("utf-8"))
        [command] = re.findall(r"^ExecStart=/opt/pfcng/bin/pfcng (.*)$", text, re.MULTILINE)
        assert "\nType=notify\n" in text
        log = self.folder / f"{unit}.log"
        with log.open("w") as said, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            name = f"{self.folder}/{unit}"
            manager.bind(f"\0{name}")
            manager.settimeout(PATIENCE)
            process = subprocess.Popen(
                [sys.executable, "-m", "pfcng", *command.split()],
                stdout=said,
                stderr=said,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "NOTIFY_SOCKET": f"@{name}", **self.env},
            )
            try:
                wait_until(lambda: process.poll() is not None or select.select([manager], [], [], 0)[0] != [])
                assert process.poll() is None, log.read_text("utf-8")
                assert manager.recv(100) == b"READY=1"
                yield log
            finally:
                process.terminate()
                process.wait(PATIENCE)

    def _meant(self, text: str) -> str:
        for told, meant in self.meant.items():
            text = text.replace(told, meant)
        return text


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in opened]


@pytest.fixture
def bases(postgres: str) -> dict[str, str]:
    """The two databases, empty."""
    found = {}
    for name in ("installer_pfcng", "installer_igc"):
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        found[name.removeprefix("installer_")] = make_conninfo(postgres, dbname=name)
    return found


@pytest.fixture
def machines(tmp_path: Path, bases: dict[str, str]) -> dict[str, Machine]:
    """The machines of the guide that have pfcng; their names are all this machine's."""
    service, http = free_ports(2)
    env = {
        "PFCNG_IGC_DSN": bases["igc"],
        "PFCNG_IGC_ECOUTE_EXPLOITATION": "127.0.0.1:0",
        "PFCNG_DSN": bases["pfcng"],
        "PFCNG_PARC": str(tmp_path / "parc"),
        "PFCNG_COFFRE_PHRASE": PHRASE,
    }

    def machine(name: str) -> Machine:
        folder = tmp_path / name
        folder.mkdir()
        meant = {
            "/etc/pfcng": str(folder / "etc"),
            "/var/lib/pfcng": str(folder / "var"),
            "0.0.0.0:9443": f"127.0.0.1:{service}",
            "0.0.0.0:9080": f"127.0.0.1:{http}",
            "0.0.0.0:8443": "127.0.0.1:0",
            "0.0.0.0:8081": "127.0.0.1:0",
            "igc.interne:9443": f"localhost:{service}",
            "igc.interne:9080": f"localhost:{http}",
            "http://igc.exemple.fr": f"http://localhost:{http}",
            "http://ocsp.exemple.fr": f"http://localhost:{http}",
            "igc.interne": "localhost",
            "pfcng.interne": "localhost",
            'serveur = "relais.exemple.fr"': f'dossier = "{tmp_path / "courrier"}"',
            "pfcng igc ceremonie": "pfcng igc ceremonie --oui --taille 2048",
            "pfcng revoquer": "pfcng revoquer --oui",
        }
        return Machine(folder, meant, env)

    return {name: machine(name) for name in ("igc", "noeud-a", "noeud-b", "poste")}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl (Debian package openssl)")
def test_reader_of_the_guide_obtains_certificates_from_two_nodes(machines: dict[str, Machine], tmp_path: Path) -> None:
    """Its settings, internal certificates, ceremony, card and profile lead to certificates, mails, OCSP, revocation."""
    igc, first, second, poste = machines.values()
    with ExitStack() as stack:
        _install_igc(igc)
        stack.enter_context(igc.running("pfcng-igc"))
        services = [stack.enter_context(_node(node, igc)) for node in (first, second)]
        stack.enter_context(first.running("pfcng-worker"))
        first.write("employes.csv", first.blocks(8, "text")[0])
        first.commands(8, "pfcng-exploiter annuaire", "pfcng-exploiter habilitation")
        igc.commands(8, "pfcng-exploiter igc")
        _bring_files(igc, poste)
        for service, folder in zip(services, ("insi", "insi-b"), strict=True):
            profile = poste.blocks(9, "toml")[0]
            (poste.folder / "profil.toml").write_text(
                profile.replace("https://pfc.exemple.fr", service.replace("127.0.0.1", "localhost")), "utf-8"
            )
            poste.commands(9, "pfcng", changed=("--sortie insi", f"--sortie {folder}"))
        said = poste.commands(10, "openssl", "pfcng")
        assert re.findall(r"^insi/certificat.pem: (\w+)$", said, re.MULTILINE) == ["good", "revoked"]
        wait_until(lambda: len(list((tmp_path / "courrier" / "new").glob("*"))) == 10)
        said = first.commands(10, "pfcng-exploiter")
        assert "10 envoyés" in said
        assert "Le journal est entier." in said


def _install_igc(igc: Machine) -> None:
    """Sections 2, 4 and 5."""
    for section, number in ((2, 0), (4, 0), (4, 1)):
        igc.play(section, number)
    igc.write("igc.toml", igc.blocks(5, "toml")[0])
    igc.commands(5, "pfcng-exploiter")


@contextmanager
def _node(node: Machine, igc: Machine) -> Iterator[str]:
    """Section 6, and the node; the address of its Web Service."""
    if not (igc.folder / "noeud.tar").exists():
        igc.play(6)
    node.etc.mkdir()
    node.shell(f"tar -xf {igc.folder}/noeud.tar -C {node.etc}")
    node.write("pfcng.toml", node.blocks(6, "toml")[0])
    node.commands(6, "pfcng-exploiter")
    with node.running("pfcng-serve") as log:
        wait_until(lambda: "écoute sur" in log.read_text("utf-8"))
        [service] = re.findall(r"écoute sur (https://\S+:\d+)", log.read_text("utf-8"))
        yield service


def _bring_files(igc: Machine, poste: Machine) -> None:
    """What section 9 begins with."""
    shutil.copytree(igc.folder / "var" / "carte", poste.folder / "carte")
    issuers = (igc.folder / "ceremonie" / "certificats").glob("ACI-EL-*.pem")
    for file in (igc.folder / "interne" / "ac.pem", igc.folder / "ceremonie" / "racines.pem", *issuers):
        shutil.copy(file, poste.folder)
    poste.commands(9, "cat")
