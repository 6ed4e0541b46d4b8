"""From a row to a message: subject of the catalogue, French text and HTML from Jinja2 templates.

An operator replaces a template by a file of the same name in a folder of theirs; what they do not replace stays.
"""

import re
import traceback
from datetime import UTC, datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.exceptions import SecurityError

from pfcng.contract.catalogue import Motif
from pfcng.contract.paris import PARIS
from pfcng.notifications.bounded import BoundedEnvironment, render
from pfcng.notifications.catalogue import Role
from pfcng.notifications.mail import Mail, MailRefused, read_sender

SHIPPED: Final = PackageLoader("pfcng.notifications")
TEXT: Final = ".txt.j2"
HTML: Final = ".html.j2"
_UNDEFINED: Final = re.compile(r"'(\w+)' is undefined")
_WIDTH: Final = 78
"""Characters of a line of text."""
_LOCAL_DOMAIN: Final = "pfcng.invalid"
_REASONS: Final[dict[str, str]] = {
    Motif.VOL: "vol",
    Motif.PERTE: "perte",
    Motif.FIN_DACTIVITE: "fin d’activité",
    Motif.AUTRE: "autre",
}
_FAULTS: Final = (
    *(TemplateError, OSError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError),
    *(RecursionError, MemoryError),
)
"""How what an operator wrote can fail."""


class TemplateFault(Exception):
    """A template cannot be rendered; the message, in French, is for the operator."""


class Renderer:
    """Makes messages.

    Args:
        sender: The From header: an address, or ``Name <address>``.
        retrait_delay: How long a demande waits for its retrait (RMT_ERR_008).
        folder: The operator's own templates, if they have any.
    """

    def __init__(self, *, sender: str, retrait_delay: timedelta, folder: Path | None = None) -> None:
        self._sender = read_sender(sender)
        self._retrait_delay = retrait_delay
        self._templates = BoundedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(folder), SHIPPED]) if folder else SHIPPED,
            autoescape=select_autoescape(enabled_extensions=(HTML,), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._templates.filters.update(jour=_day, moment=_moment, ligne=_one_line, motif=_reason)

    @property
    def sender(self) -> str:
        """The address alone, for the envelope."""
        return self._sender.addr_spec

    def compose(self, mail: Mail) -> EmailMessage:
        """The message, the same to the byte at every try.

        Raises:
            MailRefused: The address is none.
            TemplateFault: A template is wrong, or asks for what the row does not have.
        """
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = _recipient(mail.destinataire)
        message["Subject"] = _subject(mail)
        message["Date"] = format_datetime(mail.cree_le.astimezone(PARIS))
        message["Message-ID"] = mail.message_id(self._sender.domain or _LOCAL_DOMAIN)
        message["Auto-Submitted"] = "auto-generated"
        message["X-Pfcng-Notification"] = mail.notification.code
        message.set_content(self.render(mail, TEXT), cte="quoted-printable")
        message.add_alternative(self.render(mail, HTML), subtype="html", cte="quoted-printable")
        message["Content-Language"] = "fr"  # after the parts, which would take it along
        message.set_boundary(mail.message_id("b")[1:25])
        return message

    def render(self, mail: Mail, ending: str) -> str:
        """One form of a mail, by the ending of its template.

        Raises:
            TemplateFault: The template is wrong, or asks for what the row does not have.
        """
        name = mail.notification.value.template + ending
        values = {
            **mail.contenu,
            "objet_courriel": _subject(mail),
            "pour_information": mail.role is Role.A_INFORMER,
            "delai_retrait": self._retrait_delay,
        }
        try:
            text = render(self._templates.get_template(name), values)
        except _FAULTS as error:
            raise TemplateFault(f"{_place(error) or name} : {_cause(error)}") from error
        return text if ending == HTML else _tidy(text)


def _subject(mail: Mail) -> str:
    return mail.notification.subject(mail.contenu, mail.role)


def _place(error: Exception) -> str:
    """The file and the line where it failed, if a template did."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name}, ligne {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    return f"{Path(frames[-1].filename).name}, ligne {frames[-1].lineno}" if frames else ""


def _cause(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "il s’appelle lui-même sans fin"
    if isinstance(error, TemplateNotFound):
        return f"le modèle « {error.name} » n’existe pas"
    if (found := _UNDEFINED.fullmatch(str(error))) is not None:
        return f"ce courriel n’a pas de « {found[1]} »"
    if isinstance(error, SecurityError):
        return str(error)
    kind = type(error).__name__
    return f"{kind}, {error}" if isinstance(error, TemplateError) else kind  # others quote what the mail holds


def _recipient(address: str) -> Address:
    """The To header; an address that no header can hold is refused, whatever let it in."""
    if not (address.isascii() and address.isprintable()):
        raise MailRefused("L’adresse ne se lit pas.")
    try:
        return Address(addr_spec=address)
    except (ValueError, MessageError, IndexError) as error:
        raise MailRefused("L’adresse ne se lit pas.") from error


def _tidy(text: str) -> str:
    """Lines that every reader shows whole, and never two empty ones in a row."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() or (lines and lines[-1]):
            lines += wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(lines).rstrip() + "\n"


def _instant(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(PARIS)


def _day(value: Any, plus: timedelta = timedelta()) -> str:
    """A day of Paris: ``31/12/2026``; of a date without time, that day."""
    if isinstance(value, str) and len(value) == len("2026-12-31"):
        return f"{datetime.fromisoformat(value) + plus:%d/%m/%Y}"
    return f"{_later(value, plus):%d/%m/%Y}"


def _moment(value: Any, plus: timedelta = timedelta()) -> str:
    """A moment of Paris: ``31/12/2026 à 14:05``."""
    return f"{_later(value, plus):%d/%m/%Y à %H:%M}"


def _later(value: Any, plus: timedelta) -> datetime:
    """That much time later, whatever the clocks of Paris do meanwhile."""
    return (_instant(value).astimezone(UTC) + plus).astimezone(PARIS)


def _reason(motif: str, description: str | None = None) -> str:
    """A motif of révocation in words, with what the demandeur wrote for another one."""
    words = _REASONS.get(motif, motif)
    return f"{words} ({_one_line(description)})" if description else words


def _one_line(value: Any) -> str:
    """A value that came from outside, on one line of a text."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
