"""Where a certificate serves: copies to make and hooks to run, from ``deploiement.toml`` in its folder.

```toml
lieu = "serveur insi-prod-1"                          # for people: where it serves

[[copie]]
source = "chaine-complete.pem"                        # a stable name of the folder
vers = "/etc/nginx/tls/insi.pem"
mode = "0640"                                         # 0600 without it

[[crochet]]
commande = ["systemctl", "reload", "nginx"]           # no shell
delai = 60                                            # seconds; 60 without it
```

A hook has in its environment PFCNG_DOSSIER, PFCNG_NUMERO_SERIE, PFCNG_FIN_VALIDITE, and PFCNG_ETAPE: ``deployer``, or
``retablir`` when a failure puts the certificate before back.
"""

import os
import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pfcng.client.dossier import Acte
from pfcng.client.errors import ClientError
from pfcng.client.explanations import one_line
from pfcng.client.files import PRIVATE, file_fault, replace_whole
from pfcng.client.forms import FORMS
from pfcng.mistakes import toml_fault

FILE_NAME: Final = "deploiement.toml"
_SECONDS: Final = 60
_MAX_SECONDS: Final = 3600
_MODE: Final = re.compile("0?[0-7]{3}")
_SOURCES: Final = frozenset(form.stable for form in FORMS)


class DeploymentError(ClientError):
    """A certificate could not be put in service, or ``deploiement.toml`` has a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A file to copy out of the folder."""

    source: str
    target: Path
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A command to run once the files are in place."""

    command: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What to do to put the certificate of a folder in service; nothing when there is no ``deploiement.toml``."""

    folder: Path
    lieu: str = ""
    copies: tuple[Copy, ...] = ()
    hooks: tuple[Hook, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> "Deployment":
        """Read the folder's ``deploiement.toml``.

        Raises:
            DeploymentError: It has a fault.
        """
        file = folder / FILE_NAME
        try:
            document = tomllib.loads(file.read_text("utf-8"))
            return cls(
                folder=folder,
                lieu=str(document.get("lieu", "")),
                copies=tuple(_copy(folder, table) for table in _tables(document, "copie")),
                hooks=tuple(_hook(table) for table in _tables(document, "crochet")),
            )
        except FileNotFoundError:
            return cls(folder=folder)
        except OSError as error:
            raise DeploymentError(f"{file} ne peut pas être lu : {file_fault(error)}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DeploymentError(f"{file} n’est pas correct : {toml_fault(error)}.") from error
        except ValueError as error:
            raise DeploymentError(f"{file} n’est pas correct : {error}.") from error

    def run(self, acte: Acte) -> None:
        """Copy the files that the stable names lead to, and run the hooks.

        Raises:
            DeploymentError: Something failed; the targets of the copies are as they were.
        """
        before: dict[Path, tuple[bytes, int] | None] = {copy.target: _content(copy.target) for copy in self.copies}
        try:
            self._copy_all()
            self._run_hooks(acte, "deployer")
        except (OSError, DeploymentError) as error:
            _put_back(before)
            if isinstance(error, DeploymentError):
                raise
            raise DeploymentError(
                f"Une copie n’a pas pu être faite : {error.filename} : {file_fault(error)}."
            ) from error

    def restore(self, acte: Acte) -> None:
        """Run the hooks again for the certificate before, whose files are back.

        Raises:
            DeploymentError: Even that failed: somebody has to look.
        """
        self._run_hooks(acte, "retablir")

    def _copy_all(self) -> None:
        for copy in self.copies:
            replace_whole(copy.target, (self.folder / copy.source).read_bytes(), copy.mode)

    def _run_hooks(self, acte: Acte, step: str) -> None:
        facts = {
            "PFCNG_ETAPE": step,
            "PFCNG_DOSSIER": str(self.folder),
            "PFCNG_NUMERO_SERIE": acte.numero_serie or "",
            "PFCNG_FIN_VALIDITE": acte.fin_validite or "",
        }
        for hook in self.hooks:
            _run(hook, {**_inherited(), **facts}, self.folder)


def _inherited() -> dict[str, str]:
    """Our environment without what is ours: the passphrase of the vault is nobody else's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PFCNG_")}


def _run(hook: Hook, environment: dict[str, str], folder: Path) -> None:
    name = " ".join(hook.command)
    try:
        done = subprocess.run(  # noqa: S603 - the commands of the folder's owner, without a shell
            hook.command,
            cwd=folder,
            env=environment,
            timeout=hook.seconds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeploymentError(f"Le crochet « {name} » n’a pas fini en {hook.seconds:g} s.") from error
    except OSError as error:
        raise DeploymentError(f"Le crochet « {name} » ne peut pas être lancé : {file_fault(error)}.") from error
    if done.returncode:
        said = one_line(done.stdout.decode(errors="replace")[-300:])
        raise DeploymentError(f"Le crochet « {name} » a échoué (code {done.returncode}){f' : {said}' if said else ''}.")


def _content(target: Path) -> tuple[bytes, int] | None:
    try:
        return target.read_bytes(), target.stat().st_mode & 0o777
    except OSError:
        return None


def _put_back(before: dict[Path, tuple[bytes, int] | None]) -> None:
    for target, content in before.items():
        if content is None:
            target.unlink(missing_ok=True)
        else:
            replace_whole(target, *content)


def _tables(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError(f"chaque « {name} » s’écrit comme une table [[{name}]]")
    return tables


def _copy(folder: Path, table: dict[str, Any]) -> Copy:
    source, target, mode = table.get("source"), table.get("vers"), table.get("mode", f"{PRIVATE:o}")
    if source not in _SOURCES:
        raise ValueError(f"« source » est l’un de {', '.join(sorted(_SOURCES))}")
    if not isinstance(target, str) or not target:
        raise ValueError("« vers » est le fichier à écrire")
    if not isinstance(mode, str) or not _MODE.fullmatch(mode):
        raise ValueError('« mode » est un texte en octal, par exemple "0640"')
    return Copy(source=source, target=(folder / target).parent.resolve() / Path(target).name, mode=int(mode, 8))


def _hook(table: dict[str, Any]) -> Hook:
    command, seconds = table.get("commande"), table.get("delai", _SECONDS)
    if not isinstance(command, list) or not command or not all(isinstance(part, str) for part in command):
        raise ValueError('« commande » est une liste de textes, par exemple ["systemctl", "reload", "nginx"]')
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= _MAX_SECONDS:
        raise ValueError(f"« delai » est un nombre de secondes, {_MAX_SECONDS} au plus")
    return Hook(command=tuple(command), seconds=seconds)
