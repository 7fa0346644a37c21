"""`benchmark`: several methods on the same pictures and holes."""

from latentinpaint.cli.comparing import compare
from latentinpaint.errors import InputError


def command(
    images: str,
    output: str,
    methods: list[str] | str,
    masks: str | None = None,
    mask_preset: str = "thick",
    reference: str | None = None,
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
    """Compare methods fairly: same pictures, same holes, same seeds, paired differences, one report.

    Leaves report.html, metrics.json, metrics.csv and tables.md in the output folder, and the fills. Stopped, the
    same command goes on where it was; with another method added, only that one is run.

    Args:
        images: folder of undamaged photographs.
        output: folder for the report, and for the fills.
        methods: separated by commas, in the order of the table: mean, telea, ns, biharmonic, patchmatch (with the
            package pypatchmatch), a trained model's folder or file, or a folder of pictures that another program
            filled; a name of its own goes in front, as in lama=results/lama.
        masks: folder of masks, named after their pictures: photo_mask001.png or photo.png for photo.jpg.
        mask_preset: without a folder of masks, thin, medium, thick, training or patches, drawn by seed and file name.
        reference: the method that the others are compared with picture by picture, by default the first.
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
    from latentinpaint.evaluation.plan import Plan, chosen

    asked = chosen(methods)
    if not asked:
        raise InputError("there is nothing to compare: give --methods, such as telea,runs/latent_ffc")
    plan = Plan(
        images=images,
        methods=asked,
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
    compare(plan, output, jobs, reference, keep_fills, download)
