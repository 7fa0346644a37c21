"""A grid of fills to look at: one row a photograph, one column a method.

    python benchmarks/fills.py --images DIR --models runs/latent_ffc runs/latent_flow --output docs/fills.png \
        --names a.jpg b.jpg

The holes are those that `evaluate` draws for the same pictures, preset and seed.
"""

import argparse
from pathlib import Path

from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.evaluation.dataset import dataset_from_preset
from latentinpaint.pipeline import composite
from latentinpaint.visualization import picture_grid
from latentinpaint.weights import load_pipeline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="folder of undamaged photographs, of one size but for --size")
    parser.add_argument("--models", nargs="+", required=True, help="run folders or model files")
    parser.add_argument("--output", required=True, help="PNG or JPEG file to write")
    parser.add_argument(
        "--size", type=int, help="of the photographs' middle squares; by default they are taken whole"
    )
    parser.add_argument("--names", nargs="*", help="file names, by default the first six")
    parser.add_argument("--mask-preset", default="thick", help="thin, medium, thick or training")
    parser.add_argument("--seed", type=int, default=0, help="of the holes and the samples")
    options = parser.parse_args()
    pipelines = {Path(path).stem: load_pipeline(path) for path in options.models}
    labels, rows = [], []
    for case in dataset_from_preset(options.images, options.mask_preset, options.seed, size=options.size):
        if case.name not in options.names if options.names else len(rows) == 6:
            continue
        white = composite(case.image, case.image.new_ones(()).expand_as(case.image), case.mask)
        row = {"truth": case.image[0], "hole": white[0]}
        row["OpenCV Telea"] = BASELINES["telea"](case.image, case.mask)[0]
        for name, pipeline in pipelines.items():
            count = 2 if pipeline.refiner.stochastic else 1
            samples = pipeline.sample(case.image, case.mask, count, options.seed)[0]
            for index, sample in enumerate(samples, start=1):
                row[f"{name}, sample {index}" if count > 1 else name] = sample
        labels = list(row)
        rows.append(list(row.values()))
    picture_grid(rows, labels).save(options.output)
    print(f"wrote {options.output}: {len(rows)} rows of {', '.join(labels)}")


if __name__ == "__main__":
    main()
