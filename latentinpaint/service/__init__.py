"""Filling over HTTP: an interface for programs, and photos, jobs and their events for the page.

`application.py` puts the routes together, `serving.py` serves them. `guard.py` filters the requests, `photo_store.py`
keeps the photos, `job_queue.py` runs the jobs in threads. Everything a route needs hangs on one `Service`.
"""
