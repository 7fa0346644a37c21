"""The patch discriminator: what a score depends on, how many weights it has, where the hole is on its grid."""

import pytest
import torch

from latentinpaint.models.discriminator import PatchDiscriminator


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_a_patch_of_the_promised_side(layers, patch):
    torch.manual_seed(0)
    network = PatchDiscriminator(1, 2, layers, normalise=False).double()
    image = torch.randn(1, 1, 160, 160, dtype=torch.float64, requires_grad=True)
    scores = network(image).scores
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], image)
    rows = gradient[0, 0].abs().sum(dim=1).nonzero()
    assert rows.max() - rows.min() + 1 == patch


def test_weights_of_the_published_one():
    """pix2pixHD's, 64 features and 4 layers: convolutions with bias, two numbers a channel of BatchNorm, by hand."""
    convolutions = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 512), (512, 1)]
    expected = sum(16 * narrow * wide + wide for narrow, wide in convolutions)
    expected += sum(2 * wide for _, wide in convolutions[1:-1])
    assert sum(p.numel() for p in PatchDiscriminator().parameters()) == expected


def test_features_are_all_layers_but_the_last():
    judgement = PatchDiscriminator(5, 4, 3)(torch.randn(2, 5, 64, 48))
    assert [f.shape[1] for f in judgement.features] == [4, 8, 16, 32]
    assert judgement.scores.shape[:2] == (2, 1)


def test_channels_stop_at_512():
    assert [layer[0].out_channels for layer in PatchDiscriminator(3, 128, 4).layers] == [128, 256, 512, 512, 512]


def test_without_normalisation_rows_do_not_meet():
    network = PatchDiscriminator(3, 8, 2, normalise=False)
    x = torch.randn(3, 3, 32, 32)
    alone = torch.cat([network(item[None]).scores for item in x])
    assert torch.allclose(network(x).scores, alone, atol=1e-6)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_hole_is_looked_for_where_a_score_looks(layers):
    """With all weights 1 what a score depends on is symmetric about its middle: there the hole's square has to be."""
    network = PatchDiscriminator(1, 1, layers, normalise=False).double()
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 1.0 if parameter.ndim > 1 else 0.0)
    image = torch.rand(1, 1, 290, 310, dtype=torch.float64, requires_grad=True)
    scores = network(image).scores
    hole = torch.zeros_like(image, requires_grad=True)
    shares = network.hole_of_patches(hole, scores)
    assert shares.shape == scores.shape
    row, column = (side // 2 for side in scores.shape[-2:])
    (patch_gradient,) = torch.autograd.grad(scores[0, 0, row, column], image)
    (square,) = torch.autograd.grad(shares[0, 0, row, column], hole)
    assert (square > 0).sum() == 4**layers and square.sum().item() == pytest.approx(1)
    for axis in (2, 3):
        places = torch.arange(image.shape[axis], dtype=torch.float64)
        centres = [(g.sum(dim=5 - axis).flatten() * places).sum() / g.sum() for g in (patch_gradient, square)]
        assert centres[0].item() == pytest.approx(centres[1].item(), abs=1e-9)


def test_shares_are_those_of_the_border_beyond_it():
    network = PatchDiscriminator(3, 4, 2)
    hole = torch.zeros(1, 1, 37, 50)
    hole[..., :20] = 1
    shares = network.hole_of_patches(hole, network(torch.rand(1, 3, 37, 50)).scores)
    assert torch.equal(shares[..., 0], torch.ones_like(shares[..., 0]))
    assert torch.equal(shares[..., -1], torch.zeros_like(shares[..., -1]))
    assert 0 <= shares.min() and shares.max() <= 1


@pytest.mark.parametrize("wrong", [{"width": 0}, {"layers": 0}])
def test_wrong_sizes(wrong):
    with pytest.raises(ValueError, match="start at 1"):
        PatchDiscriminator(**wrong)
