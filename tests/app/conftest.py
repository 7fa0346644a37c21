"""One served page with two small models for all tests here."""

import pytest


@pytest.fixture(scope="session")
def address(model_files):
    """The address of a running page, without the last slash; its models are "ffc" and "flow", 2 MB its limit."""
    pytest.importorskip("gradio", reason="gradio is not installed")
    from latentinpaint.app.models import load_models
    from latentinpaint.app.server import Place, served
    from latentinpaint.app.service import Limits

    models = load_models([f"{model_files['ffc']},{model_files['flow']}"], "cpu")
    with served(models, Place(port=17860, limits=Limits(upload=2, megapixels=1))) as found:
        yield found.rstrip("/")
