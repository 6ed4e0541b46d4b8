"""What one client certificate may ask for (docs/exploitation/reglages.md)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from pfcng.web.limits import ClientLimits

ONE, OTHER = "-----one-----", "-----other-----"


@dataclass
class Scene:
    """An application behind limits, and a clock."""

    at_once: int = 100
    per_second: int = 100
    now: float = 1000.0
    served: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()
        self.limits = ClientLimits(self._serve, at_once=self.at_once, per_second=self.per_second, now=lambda: self.now)

    async def _serve(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.served += 1
        await self.open.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(self, certificate: str | None = ONE) -> tuple[int, str | None]:
        """The status of a request, and after how many seconds to come back."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        chain = [certificate] if certificate else []
        scope = {"type": "http", "headers": [], "extensions": {"tls": {"client_cert_chain": chain}}}
        await self.limits(scope, _receive, send)
        retry = dict(sent[0]["headers"]).get(b"retry-after")
        return sent[0]["status"], retry and retry.decode()


async def _receive() -> Any:
    return {"type": "http.request"}


def play(act: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await act()

    asyncio.run(run())


def test_more_than_the_requests_of_a_second_are_refused_until_they_are_paid_for() -> None:
    """All of a second's may come at once; then as many as time gives."""

    async def act() -> None:
        scene = Scene(per_second=10)
        answers = [await scene.ask() for _ in range(12)]
        assert answers == [(200, None)] * 10 + [(429, "1")] * 2
        scene.now += 0.31
        assert [(await scene.ask())[0] for _ in range(4)] == [200, 200, 200, 429]
        scene.now += 3600
        assert [(await scene.ask())[0] for _ in range(11)] == [200] * 10 + [429]

    play(act)


def test_requests_under_way_are_bounded() -> None:
    """One more is refused, and admitted when one has ended."""

    async def act() -> None:
        scene = Scene(at_once=2)
        scene.open.clear()
        running = [asyncio.create_task(scene.ask()) for _ in range(2)]
        await asyncio.sleep(0)
        assert await scene.ask() == (429, "1")
        scene.open.set()
        await asyncio.gather(*running)
        assert (await scene.ask())[0] == 200

    play(act)


def test_clients_do_not_pay_for_each_other() -> None:
    """Each certificate has its own; who shows none is left to admission."""

    async def act() -> None:
        scene = Scene(per_second=1)
        assert [(await scene.ask(one))[0] for one in (ONE, ONE, OTHER, None, None)] == [200, 429, 200, 200, 200]

    play(act)


def test_clients_of_the_past_are_forgotten() -> None:
    """Memory does not grow with every certificate that was ever shown."""

    async def act() -> None:
        scene = Scene()
        for number in range(3000):
            scene.now += 1
            await scene.ask(f"certificate {number}")
        assert scene.served == 3000
        assert len(scene.limits._uses) <= 1001

    play(act)
