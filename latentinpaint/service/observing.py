"""ASGI middleware that counts requests by their route."""

import time
from collections.abc import Callable

from latentinpaint.service.guard import Message, Receive, Send
from latentinpaint.service.monitoring import Monitor

_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})


class RequestObserver:
    """ASGI middleware.

    Args:
        app: the application behind it.
        monitor: is told of every answer.
    """

    def __init__(self, app: Callable, monitor: Monitor) -> None:
        self.app = app
        self.monitor = monitor

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its answer when it begins."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The pattern of the path, never the path: there would be a counter for every photo.
                route = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self.monitor.answered(method, route, message["status"], time.perf_counter() - start)
            await send(message)

        await self.app(scope, receive, observed)
