"""Weights for the TAESD architecture that give back the mean colour of every 8x8 square, made by hand."""

import torch

from latentinpaint.models import TaesdAutoencoder


def mean_colour_weights():
    """The encoder averages squares of two by two three times, the decoder repeats; names as in files."""
    torch.manual_seed(0)
    own = TaesdAutoencoder(latent_channels=4).state_dict()
    weights = {name: torch.zeros_like(value) for name, value in own.items() if not name.startswith("latent_")}
    named = {}
    layers = {"encoder": {}, "decoder": {}}
    for name, value in weights.items():
        half, outer, inner, rest = name.split(".", 3)
        number = layers[half].setdefault((int(outer), int(inner)), len(layers[half]))
        is_plain = rest == "weight"  # of a convolution outside blocks, which are the identity of what is positive
        if is_plain:
            is_halving = half == "encoder" and value.shape[:2] == (64, 64)
            for channel in range(min(3, *value.shape[:2])):
                if is_halving:
                    value[channel, channel, 1:, 1:] = 0.25
                else:
                    value[channel, channel, 1, 1] = 1
        named[half, number, rest] = value
    # Layers without weights count in files: ReLU and upsampling in the decoder.
    skipped = {0: 0, 1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 2, 7: 2, 8: 3, 9: 3, 10: 3, 11: 3, 12: 4, 13: 4, 14: 4}
    renamed = {}
    for (half, number, rest), value in named.items():
        place = number + skipped[number] if half == "decoder" else number
        renamed[f"{half}.{place}.{rest}"] = value
    return renamed
