"""The same computation on the processor and on another device, and how near two results of float32 are."""

import copy

import torch

# Sums of some thousand terms, added in another order, differ by about the root of their number times epsilon, 1e-7 of
# float32; a few layers carry that on, each with factors of a few. A wrong kernel or a narrower type (TF32 has 1e-3 of
# a number) is far beyond.
NEAR = 1e-4


def near(found, expected, share=NEAR, least=1e-6):
    """True where no entry differs by more than this share of the largest; else an AssertionError that says which do.

    Args:
        least: a largest entry below this counts as this.
    """
    found, expected = found.detach().cpu(), expected.detach().cpu()
    torch.testing.assert_close(found, expected, atol=share * max(_largest(expected), least), rtol=0)
    return True


def _largest(x):
    return x.detach().abs().max().item()


def with_gradients(module, function, *inputs):
    """The output of `function(module, *inputs)` and the gradients of its mean square, by name."""
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    module.zero_grad()
    output = function(module, *inputs)
    output.square().mean().backward()
    gradients = {f"input {number}": x.grad for number, x in enumerate(inputs) if x.grad is not None}
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            gradients[name] = parameter.grad
    return output, gradients


def same_on(device, module, function, *inputs, share=NEAR):
    """True where output and gradients on a device are the processor's; else an AssertionError that says why."""
    there = copy.deepcopy(module).to(device)
    expected, expected_gradients = with_gradients(module, function, *inputs)
    found, gradients = with_gradients(there, function, *(x.to(device) for x in inputs))
    assert found.device.type == torch.device(device).type
    assert near(found, expected, share)
    assert gradients.keys() == expected_gradients.keys() and gradients
    # What cancels in a gradient leaves the error of its terms: that of a bias before a normalisation is nothing else.
    least = 1e-3 * max(map(_largest, expected_gradients.values()))
    for name, gradient in expected_gradients.items():
        assert near(gradients[name], gradient, 10 * share, least)
    return True
