"""The page in a real browser: one server with two small models and one browser for all its tests."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT = 60_000  # milliseconds


@pytest.fixture(scope="session")
def page_address(model_files):
    """The address of a running page; its models are "ffc" and "flow", 2 MB its largest photo."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    pytest.importorskip("latentinpaint.service.serving", reason="there is no service")
    import latentinpaint
    from latentinpaint.service.served_models import load_models
    from latentinpaint.service.serving import serve
    from latentinpaint.service.settings import ServiceLimits, ServiceSettings

    models = load_models([f"{model_files['ffc']},{model_files['flow']}"], "cpu")
    settings = ServiceSettings(port=17960, limits=ServiceLimits(upload=2, megapixels=1))
    static = Path(latentinpaint.__file__).parent / "app" / "static"
    with serve(models, settings, static, ports_tried=100) as url:
        yield url


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def visit(chromium, page_address):
    """A function that opens the page as a new visitor, for a `with` block.

    A request to another server, an error of a script or of the content security policy fails the test.
    """

    @contextmanager
    def open_page(init_script=None, address=page_address, **options):
        options = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True} | options
        context = chromium.new_context(**options)
        if init_script is not None:
            context.add_init_script(init_script)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        requested, errors = set(), []
        page.on("request", lambda request: requested.add(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda entry: errors.append(entry.text) if "Content Security" in entry.text else None)
        page.goto(address)
        page.locator("#options option").first.wait_for(state="attached")
        yield page
        context.close()
        outside = {url for url in requested if not url.startswith((address, "data:", "blob:"))}
        assert outside == set() and errors == []

    return open_page


@pytest.fixture
def page(visit):
    """The page on a desk, opened by a new visitor."""
    with visit() as opened:
        yield opened
