"""Step 10 of a request: taken when the reply was handed to the network whole, and only then."""

from typing import Any

import anyio
import pytest
from starlette.types import Message, Receive, Send
from structlog.testing import capture_logs

from pfcng.web.pipeline import Reply
from pfcng.web.service import _WireReply
from pfcng.web.threads import MessageThreads

SCOPE: dict[str, Any] = {"type": "http", "method": "POST", "path": "/ws-apt", "headers": []}


class Wire:
    """A peer that stays or leaves, and a network that carries or breaks."""

    def __init__(self, *, leaves: bool = False, breaks: bool = False) -> None:
        self.sent: list[Message] = []
        self._leaves = leaves
        self._breaks = breaks

    async def receive(self) -> Message:
        if self._leaves:
            return {"type": "http.disconnect"}
        await anyio.sleep_forever()
        raise AssertionError

    async def send(self, message: Message) -> None:
        if self._breaks and message["type"] == "http.response.body":
            raise OSError("connection reset")
        self.sent.append(message)


def deliver(wire: Wire, reply: Reply) -> None:
    """Send a reply over the wire."""

    async def run(receive: Receive, send: Send) -> None:
        await _WireReply(reply, "incident", MessageThreads(), diagnostics=True)(SCOPE, receive, send)

    anyio.run(run, wire.receive, wire.send)


@pytest.fixture
def calls() -> list[str]:
    """What step 10 left behind."""
    return []


def reply_that_calls(calls: list[str]) -> Reply:
    return Reply(status=200, content=b"<reply/>", code="OK", on_sent=lambda: calls.append("delivered"))


def test_delivery_is_confirmed_after_the_last_byte(calls: list[str]) -> None:
    """The whole body was given to the network before the confirmation (guide §15.2)."""
    wire = Wire()
    deliver(wire, reply_that_calls(calls))
    assert [message.get("body") for message in wire.sent] == [None, b"<reply/>", b""]
    assert [message.get("more_body") for message in wire.sent] == [None, True, False]
    assert calls == ["delivered"]


def test_delivery_is_not_confirmed_when_the_client_has_left(calls: list[str]) -> None:
    """RMT_ERR_009: the produit stays retiré; WSMG-00000038 is logged, never sent."""
    with capture_logs() as logs:
        deliver(Wire(leaves=True), reply_that_calls(calls))
    assert calls == []
    assert [(log["event"], log["code"]) for log in logs] == [("reply.lost", "WSMG-00000038")]


def test_delivery_is_not_confirmed_when_the_network_breaks(calls: list[str]) -> None:
    """A body that could not be written was not delivered."""
    with pytest.raises(OSError, match="connection reset"):
        deliver(Wire(breaks=True), reply_that_calls(calls))
    assert calls == []


def test_diagnostic_header_holds_nothing_that_http_cannot_carry() -> None:
    """A cause with a line break or an accent is quoted: no header can be added through it."""
    reply = Reply(status=200, content=b"", code="WSMG-00000002", diagnostic="4 certificate: CN=é\r\nX-Evil: 1")
    header = _WireReply(reply, "incident", MessageThreads(), diagnostics=True).headers["X-Pfcng-Diagnostic"]
    assert header == "4 certificate: CN=%C3%A9%0D%0AX-Evil: 1"


def test_diagnostic_header_is_absent_where_it_is_not_asked_for() -> None:
    """Only the sandbox tells clients the precise cause."""
    reply = Reply(status=200, content=b"", code="WSMG-00000002", diagnostic="5 signature")
    assert "X-Pfcng-Diagnostic" not in _WireReply(reply, "incident", MessageThreads(), diagnostics=False).headers
