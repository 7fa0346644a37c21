"""Requests made up from /openapi.json, sound and broken ones: none ends in an error of the program's own."""

import random
import time

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")


def test_no_request_is_a_fault(service, client, sent, file_of, hole):
    """Six made-up requests for every operation; half of those on photos and jobs are on one that there is."""
    from hypothesis import HealthCheck, Phase, given, settings

    job = client.post("/v1/jobs/fill", files={"mask": ("m.png", file_of(hole))}, data={"photo": sent["id"]}).json()[
        "id"
    ]
    while client.get(f"/v1/jobs/{job}").json()["state"] in ("queued", "running"):
        time.sleep(0.01)
    known = {"photo_id": sent["id"], "job_id": job, "name": "rocket"}
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    choice = random.Random(0)
    asked = []

    def ask(case):
        for name in known.keys() & (case.path_parameters or {}).keys():
            if choice.random() < 0.5:
                case.path_parameters[name] = known[name]
        answer = case.call(headers={"Cookie": cookie, "Host": "127.0.0.1"})
        assert answer.status_code < 500 or answer.status_code == 503, (case, answer.text)
        if answer.status_code >= 400 and case.method != "HEAD":
            assert list(answer.json()) == ["error"], (case, answer.text)
        asked.append(answer.status_code)

    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app, headers={"Host": "127.0.0.1"})
    quick = settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for operation in schema.get_all_operations():
        quick(given(case=operation.ok().as_strategy())(ask))()
    assert len(asked) > 100 and {200, 404, 422} <= set(asked)
