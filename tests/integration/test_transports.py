"""How mails leave: what every transport does, and SMTP against a real server that makes trouble (docs/later.md)."""

import asyncio
import gc
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from pfcng.igc.urls import PublicationUrls
from pfcng.notifications.catalogue import Notification, Role
from pfcng.notifications.mail import MailDelayed, MailRefused, Transport
from pfcng.notifications.maildir import Maildir
from pfcng.notifications.smtp import Relay, Security, Smtp
from pfcng.sandbox.pki import ensure_pki
from support.mails import DEMANDEUR, mail_of, mails_in, message_of, part_of
from support.relay import Inbox, relay

OTHER = "autre@hopital.example"
Open = Callable[..., Smtp]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS of a server named localhost, and of clients that believe in its authority."""
    folder = tmp_path_factory.mktemp("relais")
    now = datetime.now(UTC)
    pki = ensure_pki(folder, cards=(), urls=PublicationUrls(), host="localhost", ca_key_bits=2048, now=now)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pki.server.certificate, pki.server.key)
    return server, ssl.create_default_context(cafile=str(pki.anchors))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def open_smtp(inbox: Inbox) -> Iterator[Open]:
    """A transport to a server in the clear; the test may tell the time-out."""
    with ExitStack() as stack:
        port = stack.enter_context(relay(inbox))

        def connect(timeout: float = 10.0) -> Smtp:
            return Smtp(Relay(host="127.0.0.1", port=port, security=Security.NONE, timeout=timeout))

        yield connect


@pytest.fixture
def _collected() -> Iterator[None]:
    yield
    gc.collect()


def ends_in_tls(test: Callable[..., None]) -> Callable[..., None]:
    """The loop of a test ends before asyncio has closed its TLS, which warns of it; that of a worker goes on."""
    ignored = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    marked: Callable[..., None] = ignored(pytest.mark.usefixtures("_collected")(test))
    return marked


def send(transport: Transport, *recipients: str) -> None:
    """One mail to each, one after the other, and good-bye."""

    async def run() -> None:
        try:
            for numero, recipient in enumerate(recipients):
                await transport.send(message_of(mail_of(destinataire=recipient, numero=numero)), recipient)
        finally:
            await transport.close()

    asyncio.run(run())


_ACCOUNT: Final[dict[str, Any]] = {"user": "pfc", "password": "secret"}


def encrypted_relay(inbox: Inbox, server: ssl.SSLContext, security: Security) -> AbstractContextManager[int]:
    """A server that wants TLS of that kind, and an account."""
    tls, starttls = (server, None) if security is Security.TLS else (None, server)
    return relay(inbox, tls=tls, starttls=starttls, account=("pfc", "secret"))


class TestEveryTransport:
    """The conformance suite: a maildir, and a relay."""

    @pytest.fixture(params=["maildir", "smtp"])
    def way(
        self, request: pytest.FixtureRequest, tmp_path: Path, inbox: Inbox, open_smtp: Open
    ) -> tuple[Transport, Callable[[], list[str]]]:
        """A transport, and the subjects of what arrived by it."""
        if request.param == "maildir":
            folder = tmp_path / "courrier"
            return Maildir(folder), lambda: sorted(message["Subject"] for message in mails_in(folder))
        return open_smtp(), lambda: sorted(message["Subject"] for _, message in inbox.kept)

    def test_message_arrives_whole(self, way: tuple[Transport, Callable[[], list[str]]]) -> None:
        """Headers and accents included."""
        transport, subjects = way
        send(transport, DEMANDEUR)
        expected = "Agence du numérique en santé - Produits de Certification >>> Confirmation de la demande 59"
        assert subjects() == [expected]

    def test_several_recipients_are_several_mails(self, way: tuple[Transport, Callable[[], list[str]]]) -> None:
        """Nobody sees the other's address."""
        transport, subjects = way
        send(transport, DEMANDEUR, OTHER)
        assert len(subjects()) == 2

    def test_transport_is_good_again_after_it_was_closed(self, way: tuple[Transport, Callable[[], list[str]]]) -> None:
        """A worker that stops and starts keeps its transport."""
        transport, subjects = way
        send(transport, DEMANDEUR)
        send(transport, OTHER)
        assert len(subjects()) == 2


def test_maildir_has_a_message_that_was_sent_again_once(tmp_path: Path) -> None:
    """A lost answer leaves no second copy, not even of one that was read meanwhile."""
    folder = tmp_path / "courrier"
    send(Maildir(folder), DEMANDEUR)
    send(Maildir(folder), DEMANDEUR)
    [file] = list((folder / "new").iterdir())
    file.rename(folder / "cur" / f"{file.name}:2,S")
    send(Maildir(folder), DEMANDEUR)
    assert len(mails_in(folder)) == 1


def test_maildir_may_begin_as_an_empty_folder(tmp_path: Path) -> None:
    """An operator who makes the folder need not know its parts."""
    send(Maildir(tmp_path), DEMANDEUR)
    assert len(mails_in(tmp_path)) == 1


def test_several_mails_may_be_the_first_of_a_maildir(tmp_path: Path) -> None:
    """A worker sends several at once: none waits for a minute because another made the folder meanwhile."""

    async def at_once(folder: Path) -> None:
        transport = Maildir(folder)
        recipients = [f"porteur{number}@hopital.example" for number in range(8)]
        await asyncio.gather(*(transport.send(message_of(mail_of()), recipient) for recipient in recipients))

    for attempt in range(40):
        folder = tmp_path / str(attempt)
        asyncio.run(at_once(folder))
        assert len(list((folder / "new").iterdir())) == 8


def test_maildir_that_cannot_be_written_is_tried_later(tmp_path: Path) -> None:
    """A full or missing disk comes back."""
    (tmp_path / "fichier").touch()
    with pytest.raises(MailDelayed, match="maildir"):
        send(Maildir(tmp_path / "fichier" / "courrier"), DEMANDEUR)


def test_one_connection_carries_all_mails(inbox: Inbox, open_smtp: Open) -> None:
    """Connections are dear: a lot's mails use one."""
    send(open_smtp(), *[DEMANDEUR] * 20)
    assert (len(inbox.kept), inbox.sessions) == (20, 1)


def test_mails_at_once_share_the_connection(inbox: Inbox, open_smtp: Open) -> None:
    """The jobs of a worker run side by side; what they say to the relay does not mix."""

    async def run() -> None:
        transport = open_smtp()
        mails = [mail_of(numero=numero) for numero in range(10)]
        await asyncio.gather(*(transport.send(message_of(mail), DEMANDEUR) for mail in mails))
        await transport.close()

    asyncio.run(run())
    assert (len(set(inbox.identifiers)), inbox.sessions) == (10, 1)


def test_connection_that_the_relay_closed_is_replaced(inbox: Inbox, open_smtp: Open) -> None:
    """Relays close silent connections; nobody is told that the mail has to wait for that."""

    async def run() -> None:
        transport = open_smtp()
        await transport.send(message_of(mail_of(numero=1)), DEMANDEUR)
        for server in inbox.closing:
            server.loop.call_soon_threadsafe(server.transport.abort)
        await asyncio.sleep(0.1)  # the other thread's loop: there is nothing to wait on
        await transport.send(message_of(mail_of(numero=2)), DEMANDEUR)
        await transport.close()

    asyncio.run(run())
    assert (len(set(inbox.identifiers)), inbox.sessions) == (2, 2)


@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "553 bad mailbox", "501 syntax"])
def test_recipient_refused_with_5xx_is_refused_for_good(inbox: Inbox, open_smtp: Open, reply: str) -> None:
    """RFC 5321 §4.2.1; the reason is the relay's."""
    inbox.refusals = {DEMANDEUR: reply}
    with pytest.raises(MailRefused, match=reply[:3]):
        send(open_smtp(), DEMANDEUR)


@pytest.mark.parametrize("reply", ["450 4.2.1 mailbox busy", "452 disk full", "530 5.7.0 log in first"])
def test_recipient_refused_with_4xx_is_tried_later(inbox: Inbox, open_smtp: Open, reply: str) -> None:
    """Greylisting, full disks, and what is wrong with our own account."""
    inbox.refusals = {DEMANDEUR: reply}
    with pytest.raises(MailDelayed, match=reply[:3]):
        send(open_smtp(), DEMANDEUR)


def test_refused_recipient_does_not_touch_the_next(inbox: Inbox, open_smtp: Open) -> None:
    """The envelope is forgotten, the connection stays."""

    async def run() -> None:
        transport = open_smtp()
        with pytest.raises(MailRefused):
            await transport.send(message_of(mail_of(numero=1)), DEMANDEUR)
        await transport.send(message_of(mail_of(numero=2)), OTHER)
        await transport.close()

    inbox.refusals = {DEMANDEUR: "550 no"}
    asyncio.run(run())
    assert ([recipient for recipient, _ in inbox.kept], inbox.sessions) == ([OTHER], 1)


@pytest.mark.parametrize(("reply", "error"), [("554 spam", MailRefused), ("451 try later", MailDelayed)])
def test_message_refused_after_data_follows_the_same_rule(
    inbox: Inbox, open_smtp: Open, reply: str, error: type[Exception]
) -> None:
    """5xx for good, 4xx not."""
    inbox.data_reply = reply
    with pytest.raises(error, match=reply[:3]):
        send(open_smtp(), DEMANDEUR)


def test_relay_that_hangs_is_left_after_its_time(inbox: Inbox, open_smtp: Open) -> None:
    """The worker does not hang with it, and the next mail gets a new connection."""
    inbox.hangs = True
    transport = open_smtp(timeout=0.3)
    with pytest.raises(MailDelayed, match=r"^le relais ne répond pas$"):
        send(transport, DEMANDEUR)
    inbox.hangs = False
    send(transport, DEMANDEUR)
    assert len(inbox.kept) == 1


def test_line_cut_after_the_message_leaves_it_to_be_sent_again(inbox: Inbox, open_smtp: Open) -> None:
    """At least once: nobody knows that it arrived; the Message-ID tells the relay and its reader."""
    inbox.cuts = 1
    transport = open_smtp()
    with pytest.raises(MailDelayed, match=r"^le relais a coupé la connexion$"):
        send(transport, DEMANDEUR)
    send(transport, DEMANDEUR)
    assert len(inbox.kept) == 2
    assert len(set(inbox.identifiers)) == 1


def test_relay_that_is_not_there_is_tried_later() -> None:
    """A refused connection, an unknown name."""
    for host, port, told in (
        ("127.0.0.1", 1, r"^le relais refuse la connexion$"),
        ("relais.invalid", 25, r"^le nom du relais est inconnu$"),
    ):
        with pytest.raises(MailDelayed, match=told):
            send(Smtp(Relay(host=host, port=port, security=Security.NONE, timeout=5)), DEMANDEUR)


@ends_in_tls
@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_mails_leave_encrypted_with_an_account(
    inbox: Inbox, certificates: tuple[ssl.SSLContext, ssl.SSLContext], security: Security
) -> None:
    """TLS from the start or by STARTTLS, then AUTH."""
    server, client = certificates
    with encrypted_relay(inbox, server, security) as port:
        send(Smtp(Relay(host="localhost", port=port, security=security, tls=client, **_ACCOUNT)), DEMANDEUR)
    [(_, message)] = inbox.kept
    assert "est validée" in part_of(message, "plain")


@ends_in_tls
def test_wrong_password_is_an_operators_fault_and_loses_nothing(
    inbox: Inbox, certificates: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """535 is no word about the recipient."""
    server, client = certificates
    with encrypted_relay(inbox, server, Security.STARTTLS) as port:
        target = Relay(host="localhost", port=port, tls=client, **{**_ACCOUNT, "password": "faux"})
        with pytest.raises(MailDelayed, match="535"):
            send(Smtp(target), DEMANDEUR)
    assert not inbox.kept


@ends_in_tls
@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_relay_with_an_unknown_certificate_gets_nothing(
    inbox: Inbox, certificates: tuple[ssl.SSLContext, ssl.SSLContext], security: Security
) -> None:
    """Whoever sits on the line does not read the mails."""
    server, _ = certificates
    told = "le certificat du relais n’est pas cru : "
    with encrypted_relay(inbox, server, security) as port, pytest.raises(MailDelayed, match=told):
        send(Smtp(Relay(host="localhost", port=port, security=security, timeout=10)), DEMANDEUR)
    assert not inbox.kept


def test_relay_without_starttls_gets_nothing(inbox: Inbox) -> None:
    """STARTTLS is asked for, not hoped for."""
    with relay(inbox) as port, pytest.raises(MailDelayed, match=r"^le relais n’offre pas STARTTLS$"):
        send(Smtp(Relay(host="localhost", port=port, security=Security.STARTTLS, timeout=10)), DEMANDEUR)
    assert not inbox.kept


@ends_in_tls
def test_relay_without_tls_is_told(inbox: Inbox) -> None:
    """The wrong port, or the wrong setting."""
    with relay(inbox) as port, pytest.raises(MailDelayed, match=r"^pas de TLS avec le relais : WRONG_VERSION_NUMBER$"):
        send(Smtp(Relay(host="localhost", port=port, security=Security.TLS, timeout=10)), DEMANDEUR)


def test_relay_without_authentication_is_told(inbox: Inbox) -> None:
    """An account is of no use to it."""
    with relay(inbox) as port, pytest.raises(MailDelayed, match=r"^le relais n’offre pas AUTH$"):
        send(Smtp(Relay(host="localhost", port=port, security=Security.NONE, timeout=10, **_ACCOUNT)), DEMANDEUR)


def test_person_to_inform_is_told_with_the_prefix(inbox: Inbox, open_smtp: Open) -> None:
    """Over the wire too, where the subject is encoded."""

    async def run() -> None:
        transport = open_smtp()
        mail = mail_of(Notification.CONFIRMATION_RETRAIT, role=Role.A_INFORMER)
        await transport.send(message_of(mail), DEMANDEUR)
        await transport.close()

    asyncio.run(run())
    [(_, message)] = inbox.kept
    assert message["Subject"].startswith("[POUR INFORMATION] Agence du numérique en santé - ")
