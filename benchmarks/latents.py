"""Latents of different autoencoders side by side: a table of models that had equal time.

    latentinpaint evaluate --model '[runs/taef2_ffc,runs/own_ffc]' --images DIR --output runs/latents
    python benchmarks/latents.py --images DIR --report runs/latents runs/taef2_ffc runs/own_ffc

The first command fills and measures; the second reads its figures and adds how well each model's autoencoder gives
the same photographs back, which no fill in its latent can exceed by much. Seconds and MiB are medians of a fill, on
the machine of the first command.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from latentinpaint.evaluation.report.markdown import table
from latentinpaint.experiments.adoption import middle_of_photographs, reconstruction
from latentinpaint.metrics.pixels import METRICS
from latentinpaint.weights import load_model, read_header

COLUMNS = (
    "model",
    "latent",
    "steps",
    "given back, PSNR",
    "fill, PSNR in the hole",
    "LPIPS(squeeze) in the hole",
    "FD(squeeze)",
    "s a fill",
    "MiB",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="run folders, as the report's command names them")
    parser.add_argument("--images", required=True, help="the report's folder of photographs")
    parser.add_argument("--report", required=True, help="folder that `evaluate` wrote")
    parser.add_argument("--pictures", type=int, default=64, help="photographs that are given back")
    options = parser.parse_args()
    report = json.loads(Path(options.report, "metrics.json").read_text())
    by_label = {row["label"]: row for row in report["methods"].values()}
    photographs = middle_of_photographs(options.images, options.pictures)
    lines = [list(COLUMNS)]
    for model in options.models:
        name = Path(model).name
        if name not in by_label:
            parser.error(f"{options.report} has no figures of {name}: it has those of {', '.join(by_label)}")
        autoencoder = load_model(model).pipeline.autoencoder
        back = reconstruction(autoencoder, photographs, [METRICS["psnr"]]).figures["PSNR"]
        latent = f"{autoencoder.latent_channels} at 1/{autoencoder.stride}"
        steps = read_header(model)["recipe"].get("steps")
        lines.append([name, latent, str(steps), f"{back:.2f}", *figures(by_label[name])])
    print(table(lines))


def figures(row: dict[str, Any]) -> list[str]:
    """A method's figures as the columns have them; a dash where there is none."""
    mean = row["mean"]
    values = (
        ("{:.2f}", mean.get("psnr_hole")),
        ("{:.4f}", mean.get("lpips_squeeze_hole")),
        ("{:.3f}", row["distance"].get("FD(squeeze)")),
        ("{:.3g}", row["seconds_median"]),
        ("{:.0f}", row["megabytes_median"]),
    )
    return ["–" if value is None else text.format(value) for text, value in values]


if __name__ == "__main__":
    main()
