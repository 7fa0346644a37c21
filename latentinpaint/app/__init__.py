"""The web page: paint a hole into a photo in the browser and have it filled.

Its files are plain HTML, CSS and JavaScript in `static`; `service` serves them beside its HTTP interface.
"""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""The folder of the page's files."""
