"""An operator's templates, tried before a mail needs them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, meta

from pfcng.notifications.catalogue import Notification, Role
from pfcng.notifications.mail import Mail
from pfcng.notifications.rendering import HTML, SHIPPED, TEXT, Renderer, TemplateFault
from pfcng.notifications.samples import Contenu, samples

_ADDRESS: Final = "essai@pfcng.invalid"


def template_faults(folder: Path) -> list[str]:
    """What is wrong with the templates of a folder: each fault once, in French."""
    renderer = Renderer(sender=_ADDRESS, retrait_delay=timedelta(days=30), folder=folder)
    faults = [f"{name} : ne remplace aucun modèle" for name in _useless(folder)]
    for notification in Notification:
        for contenu, role, ending in product(samples(notification), Role, (TEXT, HTML)):
            try:
                renderer.render(_mail(notification, role, contenu), ending)
            except TemplateFault as fault:
                faults.append(str(fault))
    return list(dict.fromkeys(faults))


def _useless(folder: Path) -> Iterator[str]:
    """Files of which no mail is made: most often a name that is not quite a template's."""
    own = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.j2"))}
    used = {*SHIPPED.list_templates(), *(name for path in own.values() for name in _named_in(path))}
    yield from (name for name in own if name not in used)


def _named_in(template: Path) -> set[str]:
    """The templates that one extends or includes."""
    try:
        parsed = Environment().parse(template.read_text("utf-8"))  # noqa: S701 - nothing is rendered
    except (OSError, UnicodeDecodeError, TemplateSyntaxError):
        return set()  # told when a mail is made of it
    return {name for name in meta.find_referenced_templates(parsed) if name}


def _mail(notification: Notification, role: Role, contenu: Contenu) -> Mail:
    return Mail(
        numero=1,
        notification=notification,
        role=role,
        destinataire=_ADDRESS,
        contenu=contenu,
        cree_le=datetime.now(UTC),
    )
