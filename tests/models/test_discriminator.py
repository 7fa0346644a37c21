"""The patch discriminator: what a score sees, how many weights it has, where the hole is on its grid."""

import pytest
import torch

from latentinpaint.models.discriminator import PatchDiscriminator, hole_of_patches


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
    alone = torch.cat([network(row[None]).scores for row in x])
    assert torch.allclose(network(x).scores, alone, atol=1e-6)


def test_the_hole_keeps_its_area_on_the_grid():
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 16:32, 8:24] = 1
    scores = torch.zeros(1, 1, 8, 8)
    expected = torch.zeros(8, 8)
    expected[2:4, 1:3] = 1
    assert torch.equal(hole_of_patches(hole, scores)[0, 0], expected)
    odd = hole_of_patches(hole, torch.zeros(1, 1, 7, 9))
    assert odd.shape == (1, 1, 7, 9)
    assert 0 <= odd.min() and odd.max() <= 1


@pytest.mark.parametrize("wrong", [{"width": 0}, {"layers": 0}])
def test_wrong_sizes(wrong):
    with pytest.raises(ValueError, match="start at 1"):
        PatchDiscriminator(**wrong)
