"""Visitors are told apart by a token that is checked before it is believed."""

from latentinpaint.service.sessions import COOKIE


def test_a_token_of_a_strangers_making_is_replaced(visitor, file_of, photo):
    files = {"image": ("a.png", file_of(photo))}
    for token in ("", "short", "x" * 44, "é" * 43, "a b" * 14 + "c"):
        answer = visitor().post("/v1/photos", files=files, headers={"Cookie": f"{COOKIE}={token}".encode()})
        assert answer.status_code == 201 and COOKIE in answer.headers["set-cookie"]
    tokens = {visitor().post("/v1/photos", files=files).cookies[COOKIE] for _ in range(3)}
    assert len(tokens) == 3 and all(len(token) == 43 for token in tokens)


def test_behind_a_proxy(service, file_of, photo):
    """Below its path, and by HTTPS alone if that is how the visitor came."""
    from dataclasses import replace

    from fastapi.testclient import TestClient

    from latentinpaint.service.application import create_application

    service.settings = replace(service.settings, root_path="/fill")
    application = create_application(service)
    for base, is_secure in (("http://127.0.0.1", False), ("https://127.0.0.1", True)):
        client = TestClient(application, base_url=base)
        cookie = client.post("/fill/v1/photos", files={"image": ("a.png", file_of(photo))}).headers["set-cookie"]
        assert "Path=/fill" in cookie and ("Secure" in cookie) == is_secure
