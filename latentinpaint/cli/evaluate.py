"""`evaluate`: how good a model's fills are, beside methods that need no training."""

from latentinpaint.cli.comparing import compare
from latentinpaint.errors import InputError


def command(
    images: str,
    output: str,
    model: list[str] | str | None = None,
    masks: str | None = None,
    mask_preset: str = "thick",
    baselines: str = "mean,telea,ns",
    num_samples: int = 1,
    steps: int | None = None,
    refine: bool = False,
    seed: int = 0,
    limit: int | None = None,
    lpips_network: str = "squeeze",
    lpips_weights: str | None = None,
    features: str = "squeeze,inception",
    inception_weights: str | None = None,
    download: bool = False,
    jobs: int | None = None,
    keep_fills: bool = True,
    device: str | None = None,
) -> None:
    """Fill holes in a folder of undamaged photographs and compare with the truth.

    L1, PSNR, SSIM, MS-SSIM and LPIPS of the picture, inside the hole and along its border, with intervals; Fréchet
    and kernel distances. Leaves report.html, metrics.json, metrics.csv and tables.md in the output folder. Stopped,
    the same command goes on where it was.

    Args:
        images: folder of undamaged photographs.
        output: folder for the report, and for the fills.
        model: model file or run folder, several as '[a,b]'; none judges the baselines alone.
        masks: folder of masks, named after their pictures: photo_mask001.png or photo.png for photo.jpg.
        mask_preset: without a folder of masks, thin, medium, thick, training or patches, drawn by seed and file name.
        baselines: any of mean, telea, ns, biharmonic and patchmatch, separated by commas; '' for none.
        num_samples: samples of a flow; above 1 their mean, the best of them and their calibration are judged too.
        steps: solver steps of a flow, by default the model's own.
        refine: models fill pictures larger than 256 pixels from coarse to fine, as inpaint --refine --crop off does.
        seed: of the holes and of the samples.
        limit: judge only so many pictures, the first by name.
        lpips_network: any of squeeze, alex and vgg, separated by commas; '' for none.
        lpips_weights: torchvision's weights file of the first of these networks, by default the one in torch's cache;
            without it everything but LPIPS is computed.
        features: networks of Fréchet and kernel distances: squeeze and inception (FID and KID), separated by commas.
        inception_weights: torch-fidelity's weights file, by default the one in torch's cache.
        download: fetch missing weights files into torch's cache, checking them.
        jobs: processes, by default one a core; figures do not depend on it.
        keep_fills: keep the fills as files.
        device: where models run: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
    """
    from latentinpaint.evaluation.baselines import BASELINES
    from latentinpaint.evaluation.methods import method_names
    from latentinpaint.evaluation.plan import Plan, chosen

    asked = chosen(baselines)
    unknown = [name for name in asked if name not in BASELINES]
    if unknown:
        raise InputError(f"there is no baseline '{unknown[0]}': choose any of {', '.join(BASELINES)}")
    models = tuple([model] if isinstance(model, str) else model or [])
    if not asked and not models:
        raise InputError("there is nothing to judge: give --model or --baselines")
    plan = Plan(
        images=images,
        methods=(*asked, *models),
        masks=masks,
        mask_preset=mask_preset,
        seed=seed,
        limit=limit,
        num_samples=num_samples,
        steps=steps,
        refine=refine,
        lpips=chosen(lpips_network),
        features=chosen(features),
        lpips_weights=lpips_weights,
        inception_weights=inception_weights,
        device=device,
    )
    reference = method_names(plan.methods)[len(asked)] if models else None
    compare(plan, output, jobs, reference, keep_fills, download)
