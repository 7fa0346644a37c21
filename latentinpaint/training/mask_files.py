"""Folders of masks to train with, looked at before anything is trained."""

import pytorch_lightning as pl

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.data.mask_folder import FolderMasks
from latentinpaint.doctor import ArgumentNames, FindingCode, examine
from latentinpaint.doctor.refusal import refuse_problems
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import read_picture

LOOKED_AT = 4  # files of a folder: photographs in place of masks are a mistake of the whole folder


def refuse_photographs_as_masks(data: pl.LightningDataModule) -> None:
    """Raise an `InputError` if the mask folder of data that are set up holds photographs."""
    if not isinstance(data, InpaintingDataModule) or data.train_crops is None:
        return
    masks = data.train_crops.masks
    if not isinstance(masks, FolderMasks):
        return
    for path in masks.files[:LOOKED_AT]:
        try:
            mask = read_picture(path)
        except InputError:
            continue  # it is left out when it is drawn
        findings = [each for each in examine(None, mask) if each.code is FindingCode.PHOTOGRAPH_AS_MASK]
        refuse_problems(findings, ArgumentNames(ignore_problems=""))
