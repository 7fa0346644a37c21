"""How well autoencoders give photographs back: mean PSNR a picture, rounded to 8 bits first.

python benchmarks/reconstruction.py --images DIR runs/pretrain_ae [MORE …]
"""

import argparse
import statistics

import torch

from latentinpaint.data.photos import PhotoFolder
from latentinpaint.pipeline import pad_to_stride
from latentinpaint.weights import load_autoencoder


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("autoencoders", nargs="+", help="run folders, autoencoder files or model files")
    parser.add_argument("--images", required=True, help="folder of photographs that were not trained on")
    options = parser.parse_args()
    photos = PhotoFolder(options.images)
    autoencoders = {path: load_autoencoder(path) for path in options.autoencoders}
    figures: dict[str, list[float]] = {path: [] for path in autoencoders}
    for index in range(len(photos)):
        image = torch.from_numpy(photos.read(index)).permute(2, 0, 1)[None].float() / 255
        for path, autoencoder in autoencoders.items():
            padded = pad_to_stride(image, autoencoder.stride)
            back = autoencoder.decode(autoencoder.encode(padded))[..., : image.shape[-2], : image.shape[-1]]
            error = (torch.round(back * 255) / 255 - image).square().mean()
            figures[path].append(-10 * error.log10().item())
    for path, values in figures.items():
        print(f"{path}: {statistics.mean(values):.2f} dB over {len(values)} pictures")


if __name__ == "__main__":
    main()
