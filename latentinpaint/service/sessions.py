"""Visitors apart: a cookie with a random token, by which a visitor's photos and jobs are found again."""

import re
import secrets
from typing import Annotated

from fastapi import Depends, Request, Response

COOKIE = "latentinpaint_session"
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)


def session_of(request: Request) -> str | None:
    """The session that a request belongs to; None if it has none."""
    token = request.cookies.get(COOKIE, "")
    if not _TOKEN.fullmatch(token):
        return None
    return token


def session_or_new(request: Request, response: Response) -> str:
    """The session that a request belongs to, begun if there is none."""
    token = session_of(request)
    if token is not None:
        return token
    token = secrets.token_urlsafe(32)
    response.set_cookie(
        COOKIE,
        token,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return token


def owner_of(request: Request) -> str:
    """Who a request's work is counted for: its session, or else the address it comes from."""
    session = session_of(request)
    if session is None:
        return f"address {request.client and request.client.host}"
    return session


Session = Annotated[str | None, Depends(session_of)]
BegunSession = Annotated[str, Depends(session_or_new)]
Owner = Annotated[str, Depends(owner_of)]
