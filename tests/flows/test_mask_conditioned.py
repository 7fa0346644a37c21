"""The mask-conditioned flow: its losses by hand, the denoiser's relation to the velocity, and the hole's content."""

from dataclasses import replace

import pytest
import torch
from small_flows import make, samples, seeded


def weighted(weighting):
    return make("mask_conditioned", weighting=weighting)


def test_the_losses_of_the_mask_conditioned_flow_by_hand():
    """Every item has its own hole, and both networks see it; with "mean" the weight is one number a batch."""
    for weighting in ("exact", "mean"):
        flow = weighted(weighting)
        source, target = samples(flow, 3)
        losses = flow.loss(source, target, torch.Generator().manual_seed(4))
        g = torch.Generator().manual_seed(4)
        hole = torch.stack([flow.masks(8, 8, g) for _ in range(3)])
        assert len({h.numpy().tobytes() for h in hole}) == 3
        t = torch.rand(3, generator=g).view(-1, 1, 1, 1)
        start = torch.where(hole > 0, source, target)
        x = (1 - t) * start + t * target
        seen = torch.cat([x, hole], dim=1)
        b, eta = flow.velocity_network(seen, t.flatten()), flow.noise_network(seen, t.flatten())
        velocity = 0.5 * b**2 - (target - start) * b
        noise = 0.5 * eta**2 + eta * start
        weight = (1 + 9 * hole).expand_as(b)
        for name, values in (("velocity", velocity), ("noise", noise)):
            if weighting == "exact":
                expected = 128 * (weight * values).sum() / weight.sum()
            else:
                expected = weight.mean() * values.flatten(1).sum(dim=1).mean()
            assert losses[name].item() == pytest.approx(expected.item(), rel=1e-4)
        assert losses["loss"].item() == pytest.approx((losses["velocity"] + losses["noise"]).item(), rel=1e-5)


def test_one_step_of_adam_knows_no_scale():
    """So the batch's mean weight hardly matters: the loss times 1 and times 3 lead to the same parameters."""
    ends, slopes = [], []
    for factor in (1.0, 3.0):
        flow = weighted("mean").double()
        optimiser = torch.optim.Adam(flow.parameters(), lr=1e-3)
        source, target = (part.double() for part in samples(flow))
        (factor * flow.loss(source, target, torch.Generator().manual_seed(0))["loss"]).backward()
        slopes.append(torch.cat([p.grad.flatten() for p in flow.parameters()]))
        optimiser.step()
        ends.append(torch.cat([p.detach().flatten() for p in flow.parameters()]))
    torch.testing.assert_close(slopes[1], 3 * slopes[0], atol=1e-10, rtol=1e-6)
    above_epsilon = slopes[0].abs() > 1e-4
    start = torch.cat([p.detach().flatten() for p in weighted("mean").double().parameters()])
    assert above_epsilon.float().mean() > 0.4 and (ends[0] - start)[above_epsilon].abs().min() > 9e-4
    torch.testing.assert_close(ends[0][above_epsilon], ends[1][above_epsilon], atol=1e-6, rtol=0)


def test_the_denoiser_is_the_velocity_again():
    """For the linear path eta = t b - x: "relation" is 0 where a denoiser keeps to it."""
    flow = make("mask_conditioned")
    flow.noise = lambda x, t, hole: t.view(-1, 1, 1, 1) * flow.velocity(x, t, hole) - x
    assert flow.loss(*samples(flow))["relation"].item() == pytest.approx(0, abs=1e-6)
    flow.noise = lambda x, t, hole: t.view(-1, 1, 1, 1) * flow.velocity(x, t, hole) - x + 0.5
    assert flow.loss(*samples(flow))["relation"].item() == pytest.approx(0.5, abs=1e-5)


def test_the_content_of_a_hole_does_not_matter():
    flow = make("mask_conditioned").eval()
    picture, other = samples(flow, 2)
    hole = torch.zeros(2, 1, 8, 8)
    hole[..., 2:6, 3:7] = 1
    with torch.no_grad():
        one = flow.inpaint(picture, hole, replace(flow.sampler, generator=seeded(1, 2))).x
        changed = torch.where(hole > 0, other, picture)
        two = flow.inpaint(changed, hole, replace(flow.sampler, generator=seeded(1, 2))).x
    assert torch.equal(one, two)
