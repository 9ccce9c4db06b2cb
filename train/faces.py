"""Sample faces that are nobody's: each is the mean of many photographs, bent onto each other without landmarks.

A group shares attributes and pose. Its members are registered to their mean by demons (Thirion 1998, over scales), the
mean is taken anew, and so on; the flows' own mean is taken out, so that the shape is the group's, too. No member weighs
more than the others, and the one around whom the group was gathered is not in it.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

from .data import Faces
from .forgeries import KINDS, Edit, forge, publish, sample

MEMBERS = 14
LOOKS = ("Male,Young,Black_Hair", "Young,Blond_Hair,Smiling", "Young,Brown_Hair", "Male,Young,Brown_Hair,Smiling",
         "Young,Black_Hair,Smiling", "Male,Gray_Hair", "Young,Black_Hair,Bangs", "Male,Young,Black_Hair,Smiling",
         "Blond_Hair,Young,Wavy_Hair", "Male,No_Beard,Brown_Hair", "Brown_Hair,Smiling,Young,Bangs", "Male,Smiling")
"""What the members of a group have in common; groups take turns."""
NEVER = ("Blurry", "Wearing_Hat", "Eyeglasses")
SHOWN = ("Male", "Young", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Smiling", "Bangs")


def gather(faces: Faces, seed: int, count: int) -> list[Tensor]:
    """Where the members of each group stand. They are the nearest, as seen from far off, to a face drawn at random."""
    chance = np.random.default_rng(seed)
    block = faces.images.shape[-1] // 16
    far = torch.cat([avg_pool2d(part.float(), block) for part in faces.images.split(512)])
    far = far - far.mean((2, 3), keepdim=True)
    has = {name: faces.labels[:, i] for i, name in enumerate(faces.attributes)}
    never = torch.stack([has[name] for name in NEVER]).any(0)
    groups = []
    for i in range(count):
        fits = ~never
        for name in LOOKS[i % len(LOOKS)].split(","):
            fits = fits & has[name]
        for name in ("Male", "Smiling"):
            fits = fits if name in LOOKS[i % len(LOOKS)] else fits & ~has[name]
        places = (fits if fits.sum() > MEMBERS else ~never).nonzero()[:, 0]
        heart = places[int(chance.integers(len(places)))]
        distance = (far[places] - far[heart]).square().sum((1, 2, 3))
        groups.append(places[distance.argsort()[1: MEMBERS + 1]])
    return groups


def blend(members: Tensor) -> Tensor:
    """One face `[3, s, s]` of many `[n, 3, s, s]`, in [0, 1]."""
    level = members.mean((2, 3), keepdim=True)
    members = (members - level + level.mean(0)).clamp(0, 1)
    flow = torch.zeros_like(members[:, :2])
    bent = members
    for sigma in (6.0, 4.0, 2.5, 1.8):
        for _ in range(3):
            flow = demons(members, bent.mean(0, keepdim=True), flow, sigma, 8)
            flow = flow - flow.mean(0)
            bent = sample(members, flow)
    # Without each pixel's outliers, edges stay that a plain mean would smear.
    face = bent.sort(0).values[len(bent) // 4: -(len(bent) // 4)].mean(0)
    detail = face - smooth(face[None], 1.5)[0]
    return (face + 0.9 * detail).clamp(0, 1)


def demons(moving: Tensor, fixed: Tensor, flow: Tensor, sigma: float, rounds: int) -> Tensor:
    """The flow `[n, 2, s, s]`, in shares of the width, after `rounds` pulls of `moving` towards `fixed`."""
    size = moving.shape[-1]
    target = smooth(fixed.mean(1, keepdim=True), sigma / 3)
    grey = smooth(moving.mean(1, keepdim=True), sigma / 3)
    wide = pad(target, [1] * 4, mode="replicate")
    slope = torch.cat([wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2], wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]], 1) / 2
    for _ in range(rounds):
        gap = sample(grey, flow) - target
        pull = -gap * slope / (slope.square().sum(1, keepdim=True) + gap.square() + 1e-3)
        flow = smooth(flow + smooth(pull.clamp(-2, 2), sigma) / size, sigma / 2)
    return flow


def smooth(x: Tensor, sigma: float) -> Tensor:
    """`x` `[n, c, s, s]` under a Gaussian."""
    reach = max(1, round(2.5 * sigma))
    place = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-(place**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    x = conv2d(pad(x, [reach, reach, 0, 0], mode="replicate"), kernel[:, :, None], groups=x.shape[1])
    return conv2d(pad(x, [0, 0, reach, reach], mode="replicate"), kernel[..., None], groups=x.shape[1])


def synthesise(faces: Faces, seed: int, count: int) -> Faces:
    """Sample faces at the size of `faces`, whose labels are what most of their members have."""
    images, labels = [], []
    for members in gather(faces, seed, count):
        face = blend(faces.images[members].float() / 255)
        images.append((face * 255).round().byte())
        labels.append(faces.labels[members].float().mean(0) > 0.5)
    return Faces(torch.stack(images), torch.stack(labels), faces.attributes)


@torch.no_grad()
def relabel(faces: Faces, judge: nn.Module, cut: Tensor, size: int) -> Faces:
    """The same faces with the attributes that the judge finds in them; one hair colour each at most."""
    small = interpolate(faces.images.float() / 127.5 - 1, size=(size, size), mode="area")
    logits = judge(small)["y"][:, :-1] - cut[:-1]
    labels = logits > 0
    hair = [faces.attributes.index(f"{colour}_Hair") for colour in ("Black", "Blond", "Brown", "Gray")]
    labels[:, hair] &= logits[:, hair] == logits[:, hair].max(1, keepdim=True).values
    return Faces(faces.images, labels, faces.attributes)


def write(folder: Path, faces: Faces, edits: dict[str, Edit], seed: int) -> None:
    """PNG files: `real/`, a folder for each kind of forgery with the masks beside it, and the attributes as CelebA's
    table. `edits` has what makes the kinds that need editors."""
    x, at = faces.images.float() / 255, torch.arange(len(faces), device=faces.images.device)
    rng = torch.Generator(x.device).manual_seed(seed)
    save(folder / "real", publish(x, rng))
    for kind in KINDS:
        if kind in ("swap", "warp") or kind in edits:
            _, fake, mask = forge(kind, x, at, rng, edits.get(kind))
            save(folder / kind, publish(fake, rng))
            save(folder / f"{kind}-mask", mask)
    head = ",".join(("image_id", *faces.attributes))
    rows = [",".join([f"{i:02}.png", *(str(int(v)) for v in row)]) for i, row in enumerate(faces.labels.tolist())]
    (folder / "list_attr.csv").write_text("\n".join([head, *rows]) + "\n")


def save(folder: Path, images: Tensor) -> None:
    """Images `[n, 1 or 3, s, s]` in [0, 1] as numbered PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate((images * 255).round().byte().cpu().numpy()):
        picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
        picture.save(folder / f"{i:02}.png", optimize=True)


def stored(folder: Path, device: torch.device) -> Faces:
    """The sample faces that `write` wrote."""
    head, *rows = [line.split(",") for line in (folder / "list_attr.csv").read_text().split()]
    images = [np.asarray(Image.open(folder / "real" / row[0])).transpose(2, 0, 1) for row in rows]
    labels = torch.tensor([[value == "1" for value in row[1:]] for row in rows])
    return Faces(torch.from_numpy(np.stack(images)).to(device), labels.to(device), tuple(head[1:]))
