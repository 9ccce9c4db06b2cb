"""Aligned faces in CelebA's layout, held in memory as bytes, in fixed splits.

CelebA (Liu et al., arXiv 1411.7766): faces aligned by their eyes, 178 x 218 pixels or that at half size, and a table of
40 attributes whose first row is 000001.jpg. For non-commercial research only.
"""

import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SPLITS = ("train", "validation", "held-out")


@dataclass(frozen=True)
class Faces:
    """Images and what is known of them; `images` is uint8 `[n, 3, size, size]`, `labels` bool `[n, attributes]`."""

    images: Tensor
    labels: Tensor
    attributes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def only(self, split: str) -> "Faces":
        """The part called `split`. Of ten neighbours in the table's order, eight train, one validates, one is held out:
        a fixed rule, so that a subset splits as the whole does. Who is on an image is not known: a person may occur in
        two parts."""
        place = torch.arange(len(self), device=self.images.device) % 10
        keep = {"train": place < 8, "validation": place == 8, "held-out": place == 9}[split]
        return Faces(self.images[keep], self.labels[keep], self.attributes)

    def first(self, count: int) -> "Faces":
        return Faces(self.images[:count], self.labels[:count], self.attributes)

    def columns(self, names: tuple[str, ...]) -> Tensor:
        """The labels called `names`, float `[n, len(names)]` of 0 and 1."""
        return self.labels[:, [self.attributes.index(name) for name in names]].float()

    def batch(self, count: int, rng: torch.Generator, at: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`count` faces drawn with replacement, or those that stand `at`, half of them mirrored: float
        `[count, 3, s, s]` in [0, 1], and where they stand."""
        if at is None:
            at = torch.randint(len(self), (count,), generator=rng, device=self.images.device)
        x = self.images[at].float() / 255
        mirror = torch.rand(count, 1, 1, 1, generator=rng, device=x.device) < 0.5
        return torch.where(mirror, x.flip(3), x), at


def read(source: Path, size: int, device: torch.device, limit: int | None = None) -> Faces:
    """The faces of `source`: a zip, or a folder that holds a tar or images, and the table of attributes.

    Each image is cut to the square in its middle and resized to `size`, as the published editors were fed. What was
    decoded once is kept beside the working directory's other build outputs, in `target/train-cache`.
    """
    known = zlib.crc32(f"{source.resolve()} {source.stat().st_mtime_ns}".encode())
    cache = Path("target/train-cache") / f"{known:08x}-{size}-{limit or 'all'}.npz"
    if not cache.exists():
        attributes, rows = table(source)
        labels, images = [], []
        for name, data in pictures(source):
            if name in rows:
                labels.append([value == "1" for value in rows[name]])
                images.append(square(data, size))
                if len(images) == limit:
                    break
        if not images:
            raise ValueError(f"{source}: no image has a row in the table of attributes")
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}.npz")
        np.savez(part, images=np.stack(images), labels=np.array(labels), attributes=np.array(attributes))
        part.replace(cache)
    with np.load(cache) as kept:
        images, labels = torch.from_numpy(kept["images"]), torch.from_numpy(kept["labels"])
        return Faces(images.to(device), labels.to(device), tuple(kept["attributes"].tolist()))


def square(data: bytes, size: int) -> np.ndarray:
    """The middle of an encoded image as uint8 `[3, size, size]`."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box)).transpose(2, 0, 1)


def pictures(source: Path) -> Iterator[tuple[str, bytes]]:
    """File name and bytes of every image, sorted by name."""
    tars = sorted(source.glob("*.tar")) if source.is_dir() else []
    if source.suffix == ".zip":
        with zipfile.ZipFile(source) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".jpg")):
                yield Path(name).name, archive.read(name)
    elif tars:
        with tarfile.open(tars[0]) as archive:
            members = [m for m in archive if m.isfile() and m.name.endswith(".jpg")]
            for member in sorted(members, key=lambda m: m.name):
                yield Path(member.name).name, archive.extractfile(member).read()
    else:
        for path in sorted(source.rglob("*.jpg")):
            yield path.name, path.read_bytes()


def table_text(source: Path) -> str:
    """The table of attributes as it is stored: plain or zipped, beside the images or in their archive."""
    if source.suffix == ".zip":
        with zipfile.ZipFile(source) as archive:
            return archive.read(next(n for n in archive.namelist() if Path(n).name.startswith("list_attr"))).decode()
    path = next(source.glob("list_attr*"), None)
    if path is None:
        raise FileNotFoundError(f"{source}: there is no table of attributes, list_attr*")
    if path.suffix != ".zip":
        return path.read_text()
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0]).decode()


def table(source: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The attributes' names, and by image its values: from CSV, or from CelebA's own text (a count, the names, then a
    row of 1 and -1 an image)."""
    lines = table_text(source).splitlines()
    comma = "," in lines[0]
    cells = [line.split("," if comma else None) for line in lines if line.strip()]
    head, rows = (cells[0][1:], cells[1:]) if comma else (cells[1], cells[2:])
    return head, {row[0]: row[1:] for row in rows}
