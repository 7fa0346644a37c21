"""Connections that have to be used: what opens one and sends no request is not waited for long."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_CONNECTIONS = 4096
SECONDS_TO_ASK = 20.0


class ImpatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which would wait for a request's head for ever.

    A connection on which no request is being answered is closed after once to twice `SECONDS_TO_ASK`; one above
    `MOST_CONNECTIONS` at once.
    """

    _answered: RequestResponseCycle | None = None
    _was_idle = False
    _next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.close()
            return
        self._next_look = self.loop.call_later(SECONDS_TO_ASK, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone, or was sent away."""
        if self._next_look is not None:
            self._next_look.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Close a connection that has been idle since the last look."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self._was_idle and self._answered is self.cycle:
            self.transport.close()
            return
        self._was_idle = is_idle
        self._answered = self.cycle
        self._next_look = self.loop.call_later(SECONDS_TO_ASK, self._look)
