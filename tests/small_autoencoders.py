"""Small autoencoders of every kind with random weights, for the tests that go over all of them."""

import importlib.util

import pytest
import torch

from latentinpaint.models import AUTOENCODERS

KL = dict(
    block_out_channels=[8, 16],
    down_block_types=["DownEncoderBlock2D"] * 2,
    up_block_types=["UpDecoderBlock2D"] * 2,
    norm_num_groups=4,
)
DC = dict(
    latent_channels=4,
    attention_head_dim=8,
    encoder_block_types=["ResBlock", "EfficientViTBlock"],
    decoder_block_types=["ResBlock", "EfficientViTBlock"],
    encoder_block_out_channels=[8, 16],
    decoder_block_out_channels=[8, 16],
    encoder_layers_per_block=[1, 1],
    decoder_layers_per_block=[1, 1],
    encoder_qkv_multiscales=[[], [5]],
    decoder_qkv_multiscales=[[], [5]],
)
TINY = dict(
    latent_channels=4,
    encoder_block_out_channels=[8, 8],
    decoder_block_out_channels=[8, 8],
    num_encoder_blocks=[1, 1],
    num_decoder_blocks=[1, 1],
)
OF_DIFFUSERS = {
    "AutoencoderKL": KL,
    "AutoencoderTiny": TINY,
    "AutoencoderDC": DC,
    "VQModel": dict(**KL, num_vq_embeddings=64),
}

# The class and its arguments, by a name for the tests.
EXAMPLES = {
    "LamaAutoencoder": ("LamaAutoencoder", dict(base_channels=4)),
    "ResidualAutoencoder": (
        "ResidualAutoencoder",
        dict(latent_channels=6, encoder_widths=[4, 5, 6], decoder_widths=[6, 5, 4], encoder_blocks=[0, 1, 1]),
    ),
    "IdentityAutoencoder": ("IdentityAutoencoder", dict(channels=3)),
    "TaesdAutoencoder": ("TaesdAutoencoder", dict(latent_channels=5, pooled=True, sha256="0f")),
}
for architecture, config in OF_DIFFUSERS.items():
    EXAMPLES[architecture] = ("DiffusersAutoencoder", dict(architecture=architecture, config=config, sha256="0f"))
ADOPTED = ["TaesdAutoencoder", *OF_DIFFUSERS]


def build(name, seed=0):
    """The example of a name; the test skips, saying so, where its library is not installed."""
    kind, arguments = EXAMPLES[name]
    if kind == "DiffusersAutoencoder" and importlib.util.find_spec("diffusers") is None:
        pytest.skip("diffusers is not installed")
    torch.manual_seed(seed)
    return AUTOENCODERS[kind](**arguments)
