"""The options of `inpaint`."""

from dataclasses import dataclass


@dataclass(kw_only=True)
class Options:
    """Fill the hole in a picture (--image, --mask, --output) or in a folder of pictures (--indir, --outdir).

    Every pixel outside the hole keeps its value in the file, which has the size, mode, bit depth, alpha channel and
    colour profile of the input, as far as its format can hold them; JPEG cannot keep pixels exactly. In a folder
    photo.png is filled where photo_mask.png or photo_mask001.png says; outputs that exist already are not done
    again, and a file that cannot be used does not stop the rest. Exit status: 0 all done, 1 some pictures of a folder
    failed and are named, 2 the options cannot be used.

    Args:
        model: default or several, models of the package, a model file, the folder of a training run, or a model of
            the Hugging Face Hub as org/name, or org/name@COMMIT to pin it.
        image: picture to fill.
        mask: picture of the same size, white (above half) where the hole is; with --indir one mask for all pictures.
        output: file to write; with several samples, _1, _2, … is added to its name.
        indir: folder of pictures and their masks, with its sub-folders; with --engine ray also an address, such as
            s3://bucket/photos.
        outdir: folder to write to, or an address; its sub-folders are those of indir.
        maskdir: folder of the masks, with the sub-folders of indir; there a mask may have its picture's own name.
        expand: left,top,right,bottom or one number for all sides, in pixels or percent (10%): the picture grows by so
            much, and what is new is filled; a mask is then not needed.
        num_samples: samples for every hole; only a flow gives different ones.
        uncertainty: PNG file for where the fill of one picture may be off, 16384 levels for 1: the standard deviation
            of 8 samples or more of a flow, or the error that a model with one fill expects, if it does.
        seed: equal seeds give equal outputs, whatever else is in the folder.
        steps: solver steps of a flow, by default the model's own.
        invert_mask: the hole is where the mask is black.
        ignore_problems: fill what the doctor calls a problem too, such as a photograph given as the mask.
        dilate: pixels that the hole is widened by before it is filled.
        feather: pixels over which the fill goes over into the picture, inside the widened hole; at most --dilate, and
            alone it widens the hole by as much.
        refine: fill pictures larger than 256 pixels from coarse to fine; takes many times as long.
        refine_iterations: steps of --refine at every scale, by default 15.
        memory: GiB that --refine may take, by default half of what is free; larger pictures are refined at a smaller
            scale and scaled up in the hole.
        crop: auto lets only crops around small holes in large pictures pass the networks, off the whole picture, a
            number crops with so many pixels of context.
        texture: on paints fills anew with patches of the picture, off leaves them as the model makes them, auto does
            what the model is made for.
        format: of a folder's outputs: keep the pictures' own, exact writes PNG in place of JPEG, or png, webp
            (lossless), tiff for all.
        quality: of a JPEG, 1 to 100; by default its own quantisation is kept.
        overwrite: do a folder's outputs again that exist already.
        limit: pictures of a folder to do now, the first that are not done.
        jobs: processes that share out a folder on a CPU, by default one; with --engine ray workers, by default one
            for every processor or GPU of the cluster.
        engine: local for this machine; ray for the machines of a Ray cluster, which all see the folders by the same
            path or address, and with a table of what became of each picture, outcomes.parquet in outdir.
        ray_address: of the cluster, by default the one in RAY_ADDRESS, or else this machine alone.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
        precision: float32, or bfloat16, which is faster where the processor has instructions for it.
    """

    model: str = "default"
    image: str | None = None
    mask: str | None = None
    output: str | None = None
    indir: str | None = None
    outdir: str | None = None
    maskdir: str | None = None
    expand: str | None = None
    num_samples: int = 1
    uncertainty: str | None = None
    seed: int = 0
    steps: int | None = None
    invert_mask: bool = False
    ignore_problems: bool = False
    dilate: int = 0
    feather: int = 0
    refine: bool = False
    refine_iterations: int | None = None
    memory: float | None = None
    crop: str = "auto"
    texture: str = "auto"
    format: str = "keep"
    quality: int | None = None
    overwrite: bool = False
    limit: int | None = None
    jobs: int | None = None
    engine: str = "local"
    ray_address: str | None = None
    device: str | None = None
    precision: str = "float32"
