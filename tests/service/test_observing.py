"""Requests are counted by their route, never by their path."""


def test_routes_are_counted(client, sent):
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
