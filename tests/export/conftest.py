"""Small models of every architecture that is exported."""

import pytest
import torch

from latentinpaint.models import IdentityAutoencoder, LamaAutoencoder
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner


@pytest.fixture(scope="session")
def exported_models(build_pipeline):
    """Pipelines by name: with mask control, LaMa's with the mask as a fourth channel, without either, of pixels.

    The last one's refiner starts from a continuation into the hole.
    """
    torch.manual_seed(3)
    lama = InpaintPipeline(LamaAutoencoder(4, mask_channel=True), FFCRefiner(32, blocks=2))
    pixels = InpaintPipeline(IdentityAutoencoder(), FFCRefiner(3, blocks=1, width=8, ratio=0.5, continued=True))
    for norm in (m for p in (lama, pixels) for m in p.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(0, 0.3)
        norm.running_var.uniform_(0.5, 1.5)
    return {
        "control": build_pipeline("ffc"),
        "alpha": lama.eval(),
        "none": build_pipeline("ffc", control=False),
        "pixels": pixels.eval(),
    }
