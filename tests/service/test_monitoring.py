"""Counters and lines of JSON."""

import json
import logging
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from latentinpaint.service import guard, job_queue
from latentinpaint.service.job import Job, JobState
from latentinpaint.service.monitoring import JsonLines, Monitor, log_to_stderr
from latentinpaint.service.refused import Refused


def values(monitor):
    found = {}
    for family in text_string_to_metric_families(monitor.exposition().decode()):
        for sample in family.samples:
            found[(sample.name, *sorted(sample.labels.values()))] = sample.value
    return found


def test_counters():
    monitor = Monitor()
    monitor.watch("photos", "photos", lambda: 7)
    monitor.answered("GET", "/v1/models", 200, 0.2)
    monitor.answered("GET", "/v1/models", 200, 0.3)
    job = Job("fill", "me", lambda job: None, 60)
    job.begin()
    job.end(JobState.FAILED, Refused(422, "no"))
    monitor.job_over(job)
    found = values(monitor)
    assert found["latentinpaint_photos",] == 7
    assert found["latentinpaint_requests_total", "/v1/models", "200", "GET"] == 2
    assert found["latentinpaint_request_seconds_sum", "/v1/models"] == 0.5
    assert found["latentinpaint_jobs_total", "failed", "fill"] == 1


def test_lines_of_json():
    """One line each, whatever it holds."""
    try:
        raise ValueError("bro\nken")
    except ValueError:
        record = logging.makeLogRecord({"msg": "a %s", "args": ("b\nc",), "levelno": 40, "levelname": "ERROR"})
        record.exc_info = sys.exc_info()
    record.job = "x"
    text = JsonLines().format(record)
    line = json.loads(text)
    assert "\n" not in text and line["message"] == "a b\nc" and line["job"] == "x" and line["level"] == "error"
    assert "ValueError: bro\nken" in line["traceback"] and line["time"].endswith("Z")
    assert set(line) == {"time", "level", "message", "job", "traceback"}


def test_routes_are_counted(client, sent):
    """By their route, never by their path."""
    for path in (f"/v1/photos/{sent['id']}", "/v1/photos/nothing", "/nothing", "/health"):
        client.get(path)
    client.request("BREW", "/health")
    text = client.get("/metrics").text
    assert sent["id"] not in text and "nothing" not in text and "BREW" not in text
    counted = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}

    def count(method, route, status):
        return counted[f'latentinpaint_requests_total{{method="{method}",route="{route}",status="{status}"}}']

    assert count("GET", "/v1/photos/{photo_id}", 200) == count("GET", "/v1/photos/{photo_id}", 404) == 1
    assert (
        count("GET", "other", 404) == 1 and count("GET", "/health", 200) == 1 and count("other", "/health", 405) == 1
    )
    assert count("POST", "/v1/photos", 201) == 1
    assert counted["latentinpaint_photos"] == 1 and counted["latentinpaint_photo_bytes"] == 65536


@pytest.fixture
def service_log():
    """The service's log, as it was afterwards."""
    log = logging.getLogger("latentinpaint.service")
    before = log.handlers, log.propagate, log.level
    yield log
    log.handlers, log.propagate = before[:2]
    log.setLevel(before[2])


def test_what_is_written(service_log, capsys):
    """Every request as a line of JSON, or faults alone, of whatever module they are."""
    log_to_stderr(as_json=True)
    Monitor().answered("GET", "/health", 200, 0.25)
    line = json.loads(capsys.readouterr().err)
    assert (line["message"], line["route"], line["status"], line["seconds"]) == ("request", "/health", 200, 0.25)
    log_to_stderr(as_json=False)
    Monitor().answered("GET", "/health", 200, 0.25)
    assert capsys.readouterr().err == ""
    for module in (guard, job_queue):
        module.LOG.error("broken")
        assert capsys.readouterr().err == "broken\n"
    assert not service_log.propagate
