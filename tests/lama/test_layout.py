"""Where every tensor stands: each of the pipeline's and each of LaMa's once."""

import pytest
import torch
from oracles_lama import random_state

from latentinpaint.lama.layout import Dimensions, from_lama, layout, to_lama
from latentinpaint.models import LamaAutoencoder
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner

CASES = [(4, 0, 0.75), (4, 2, 0.75), (4, 1, 0.0), (4, 1, 1.0), (3, 3, 0.4)]


def dimensions_of(ngf, blocks, ratio):
    return Dimensions(ngf, 8 * ngf, blocks, int(8 * ngf * ratio))


@pytest.mark.parametrize(("ngf", "blocks", "ratio"), CASES)
def test_every_tensor_once(ngf, blocks, ratio):
    pipeline = InpaintPipeline(LamaAutoencoder(ngf, mask_channel=True), FFCRefiner(8 * ngf, blocks, ratio))
    entries = layout(dimensions_of(ngf, blocks, ratio))
    names = [entry.name for entry in entries]
    lama_names = [name for entry in entries for name in entry.lama_names]
    scale = {"autoencoder.latent_mean", "autoencoder.latent_std"}
    assert len(set(names)) == len(names) and set(names) == set(pipeline.state_dict()) - scale
    assert len(set(lama_names)) == len(lama_names)
    assert set(lama_names) == set(random_state(ngf, blocks, ratio, prefix="model."))


@pytest.mark.parametrize(("ngf", "blocks", "ratio"), CASES)
def test_there_and_back(ngf, blocks, ratio):
    theirs = random_state(ngf, blocks, ratio, prefix="model.")
    dimensions = dimensions_of(ngf, blocks, ratio)
    ours = from_lama(theirs, dimensions)
    assert not ours["autoencoder.latent_mean"].any() and (ours["autoencoder.latent_std"] == 1).all()
    back = to_lama(ours, dimensions)
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], value) for name, value in theirs.items())


def test_copies_share_no_memory():
    dimensions = dimensions_of(4, 1, 0.75)
    theirs = random_state(4, 1, 0.75, prefix="model.")
    converted = to_lama(from_lama(theirs, dimensions), dimensions)
    addresses = {value.untyped_storage().data_ptr() for value in converted.values()}
    assert len(addresses) == len(converted)


def test_indices_by_hand():
    """Pad, 7x7, three halvings, two blocks, the concatenation; three times three layers, a pad."""
    dimensions = Dimensions(ngf=4, latent=32, blocks=2, num_global=24)
    assert dimensions.split == (8, 24)
    assert (dimensions.first_upsampling, dimensions.last) == (8, 18)
