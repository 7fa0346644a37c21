"""The service as an ASGI application: routes, errors as JSON, the page's files."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from latentinpaint import __version__
from latentinpaint.errors import InputError
from latentinpaint.service import job_routes, photo_routes, program_routes, select_routes
from latentinpaint.service.guard import RequestGuard
from latentinpaint.service.monitoring import RequestObserver
from latentinpaint.service.photo_store import PhotoStore
from latentinpaint.service.refused import Refused, status_of
from latentinpaint.service.service import Service

_SECONDS_BETWEEN_PRUNINGS = 600.0
_TEXT = (
    "Fill holes in photos. One request, one answer: /v1/fill, /v1/expand. Or keep a photo on the server and follow "
    "jobs on it: /v1/photos, /v1/jobs. Errors are JSON, one sentence. Coordinates are pixels of the upright photo."
)


def create_application(service: Service, page: Path | None = None) -> FastAPI:
    """The ASGI application.

    Args:
        service: what the routes share; it is closed when the application shuts down.
        page: a folder of files that is served at /static, its index.html at the root; None serves the API alone.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pruning = asyncio.create_task(_prune_regularly(service.store))
        yield
        pruning.cancel()
        service.close()

    app = FastAPI(
        title="latentinpaint",
        version=__version__,
        description=_TEXT,
        docs_url=None,  # these pages load scripts from other servers
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.add_exception_handler(InputError, _on_input_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    for router in (program_routes.router, photo_routes.router, select_routes.router, job_routes.router):
        app.include_router(router)
    if page is not None:
        mimetypes.add_type("text/javascript", ".js")  # some systems say text/plain, which browsers refuse
        app.mount("/static", StaticFiles(directory=page), name="static")

        def index() -> FileResponse:
            return FileResponse(page / "index.html")

        app.add_api_route("/", index, methods=["GET", "HEAD"], response_class=FileResponse, include_in_schema=False)
    app.add_middleware(RequestGuard, settings=service.settings)
    app.add_middleware(RequestObserver, monitor=service.monitor)
    return app


async def _prune_regularly(store: PhotoStore) -> None:
    """Photos that nobody used for long go, even if none is sent any more."""
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_PRUNINGS)
        await asyncio.to_thread(store.prune)


async def _on_input_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InputError)
    return _sentence(status_of(error), str(error))


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, Refused):  # raised while the body was read
        return _sentence(error.__cause__.status, str(error.__cause__))
    return _sentence(error.status_code, str(error.detail), dict(error.headers or {}))


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """The first thing that is wrong, by the name of its field."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return _sentence(422, f"{place or 'the request'}: {first['msg']}")


def _sentence(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": message}, status, headers)
