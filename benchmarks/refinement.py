"""What refinement changes on large pictures: each way beside the plain fill of the same picture and hole.

    python benchmarks/refinement.py --model runs/latent_ffc --ways conditioned refined,learning_rate=0.05 upscaled

A way is a latent to refine, or "default", with values of `Refinement` after it; or "upscaled": the fill of the
smallest scale, enlarged, with nothing refined. `--sheet` draws truth, hole, plain fill and every way for the
photographs that `--shown` names, the hole of the first seed.
"""

import argparse
import json
from dataclasses import asdict

import torch.nn.functional as F
from large_photos import Case, Table, large_photos, thick_cases
from torch import Tensor

from latentinpaint.evaluation.profiling import profile
from latentinpaint.files import write_beside
from latentinpaint.inference.feature_refinement import Refinement, sample_refined
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.visualization import picture_grid
from latentinpaint.weights import load_pipeline

UPSCALED = "upscaled"
SHOWN_SIDE = 320


def refinement(way: str) -> Refinement:
    """`latent,name=value,…` as a refinement; one without memory scales the smallest fill up."""
    latent, *values = ("default,memory=1e-9" if way == UPSCALED else way).split(",")
    numbers = {name: json.loads(value) for name, _, value in (text.partition("=") for text in values)}
    return Refinement(latent=None if latent == "default" else latent, **numbers)


def fills_of(pipeline: InpaintPipeline, case: Case, ways: list[str]) -> tuple[dict[str, Tensor], dict[str, dict]]:
    """The fills of a case and what they cost, by way; the first is the plain one."""
    fills, costs = {}, {}
    for way in ("plain", *ways):
        with profile(case.image.device) as cost:
            if way == "plain":
                answer = pipeline.sample(case.image, case.mask, seeds=case.seed)
            else:
                how = refinement(way)
                answer = sample_refined(pipeline, case.image, case.mask, seeds=case.seed, refinement=how)
        fills[way], costs[way] = answer[:, 0], asdict(cost)
    return fills, costs


def shown(case: Case, fills: dict[str, Tensor]) -> list[Tensor]:
    """The middle square of truth, hole and fills, at one size."""
    hole = case.image.masked_fill(case.mask.bool(), 1.0)
    side = min(case.image.shape[-2:])
    top, left = ((length - side) // 2 for length in case.image.shape[-2:])
    squares = (x[..., top : top + side, left : left + side] for x in (case.image, hole, *fills.values()))
    return [F.interpolate(x, size=(SHOWN_SIDE,) * 2, mode="bilinear", antialias=True)[0] for x in squares]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="run folder or model file")
    parser.add_argument("--ways", nargs="+", default=["default", UPSCALED])
    parser.add_argument("--images", nargs="*", default=[], help="folders of more photographs")
    parser.add_argument("--without", nargs="*", default=[], help="names of photographs to leave out")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of holes and samples")
    parser.add_argument("--shown", nargs="*", default=[], help="names of photographs for the sheet")
    parser.add_argument("--sheet", help="PNG or JPEG file to write")
    parser.add_argument("--output", help="JSON file of every figure")
    options = parser.parse_args()
    pipeline, table = load_pipeline(options.model), Table("plain")
    rows = []
    photos = {name: photo for name, photo in large_photos(options.images).items() if name not in options.without}
    for case in thick_cases(photos, options.seeds):
        fills, costs = fills_of(pipeline, case, options.ways)
        table.add(case, fills, costs)
        print(case.name, case.seed, {way: round(found[-1]["lpips_squeeze"], 4) for way, found in table.rows.items()})
        if case.name in options.shown and case.seed == options.seeds[0]:
            rows.append(shown(case, fills))
    print(table.text())
    if options.output:
        with write_beside(options.output) as temporary:
            temporary.write_text(
                json.dumps({"cases": [(c.name, c.seed) for c in table.cases], **table.rows}, indent=1)
            )
    if options.sheet and rows:
        picture_grid(rows, ["truth", "hole", *table.rows]).save(options.sheet)


if __name__ == "__main__":
    main()
