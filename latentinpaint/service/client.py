"""A client of the service, with the standard library alone.

client = Client("http://127.0.0.1:7860")
filled = client.fill("photo.jpg", "mask.png", seed=3)
Path("filled.jpg").write_bytes(filled)
"""

import io
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from latentinpaint.errors import InputError

ImageSource = str | Path | bytes | Image.Image | np.ndarray
"""A file, its bytes, or a picture; an array is (H, W) or (H, W, C) uint8, or (H, W) bool for a mask."""


@dataclass(frozen=True)
class Client:
    """Asks a service.

    Attributes:
        url: the service's address, such as http://127.0.0.1:7860; below a proxy's path, with that.
        timeout: seconds that an answer may take.
    """

    url: str
    timeout: float = 600.0

    def fill(self, image: ImageSource, mask: ImageSource, **options: str | float | bool) -> bytes:
        """The file of a filled photo; a zip of several samples.

        Args:
            image: the photo.
            mask: of its size, white where it is filled.
            options: model, samples, steps, seed, refine, texture, dilate, feather, invert, format, quality,
                uncertainty; see /openapi.json.

        Raises:
            InputError: with the service's sentence if it refuses, or if it is not reached.
        """
        return self._ask("v1/fill", {"image": image, "mask": mask}, options)

    def expand(self, image: ImageSource, **options: str | float | bool) -> bytes:
        """The file of a photo that has grown by left, top, right and bottom pixels; else as `fill`."""
        return self._ask("v1/expand", {"image": image}, options)

    def doctor(
        self, image: ImageSource, mask: ImageSource | None = None, invert: bool = False
    ) -> list[dict[str, Any]]:
        """What is likely to go wrong with a photo and its mask, or whether it can be read; raises as `fill`."""
        files = {"image": image} if mask is None else {"image": image, "mask": mask}
        return json.loads(self._ask("v1/doctor", files, {"invert": invert}))["findings"]

    def latent_difference(self, image: ImageSource, mask: ImageSource, **options: str | bool) -> bytes:
        """A PNG of what the latent loses around a hole of an undamaged photo; raises as `fill`.

        Args:
            image: the photo.
            mask: of its size, white in the hole.
            options: model, invert.
        """
        return self._ask("v1/latent-difference", {"image": image, "mask": mask}, options)

    def models(self) -> list[dict[str, Any]]:
        """The service's models; the first is the default. Raises as `fill`."""
        return json.loads(self._ask("v1/models"))

    def _ask(
        self,
        path: str,
        files: Mapping[str, ImageSource] | None = None,
        fields: Mapping[str, str | float | bool] | None = None,
    ) -> bytes:
        """The body of the answer; with files a form is posted."""
        request = urllib.request.Request(f"{self.url.rstrip('/')}/{path}")
        if files is not None:
            edge = secrets.token_hex(16)
            request.data = form_body(files, fields or {}, edge)
            request.add_header("Content-Type", f"multipart/form-data; boundary={edge}")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise InputError(_sentence(error)) from error
        except OSError as error:
            raise InputError(f"the service at {self.url} is not reached: {error}") from error


def form_body(files: Mapping[str, ImageSource], fields: Mapping[str, str | float | bool], edge: str) -> bytes:
    """The body of a form, https://www.rfc-editor.org/rfc/rfc7578."""
    parts = []
    for name, value in fields.items():
        parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, source in files.items():
        file_name, content = _file(source, name)
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{quote(file_name)}"\r\n\r\n'
        parts += [head.encode(), content, b"\r\n"]
    return b"".join([*parts, f"--{edge}--\r\n".encode()])


def _file(source: ImageSource, name: str) -> tuple[str, bytes]:
    """The name and the bytes of a file."""
    if isinstance(source, bytes):
        return name, source
    if isinstance(source, str | Path):
        try:
            return Path(source).name, Path(source).read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {source}: {error.strerror}") from error
    if isinstance(source, np.ndarray):
        if source.dtype == bool:
            source = source.astype(np.uint8) * 255
        source = Image.fromarray(source)
    content = io.BytesIO()
    source.save(content, "PNG")
    return f"{name}.png", content.getvalue()


def _sentence(error: urllib.error.HTTPError) -> str:
    try:
        return json.loads(error.read())["error"]
    except (ValueError, KeyError, TypeError):
        return f"the service answers with status {error.code}"
