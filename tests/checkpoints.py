"""What two training runs left, compared bit for bit."""

import torch


def checkpoint(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def compare(one, other):
    """All that counts of two checkpoints."""
    one, other = checkpoint(one), checkpoint(other)
    assert one["global_step"] == other["global_step"]
    same = {part: equal(one[part], other[part]) for part in ("state_dict", "current_model_state")}
    assert all(same.values()), same
    for first, second in zip(one["optimizer_states"], other["optimizer_states"], strict=True):
        assert first["state"].keys() == second["state"].keys()
        assert all(equal(first["state"][key], second["state"][key]) for key in first["state"])
