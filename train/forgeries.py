"""Forgeries with exact masks, made on the fly from batches of real faces; one function a kind.

- `swap`: another person's face, smaller than the photograph as a deepfake generator returns it, its colours fitted,
  blended into a feathered oval (as FaceSwap and deepfakes end).
- `warp`: the face's own region, bent, resampled and tinted, blended back (self-blended images, arXiv 2204.08376).
- `edit`: what an attribute editor changes, added inside a feathered oval, at the photograph's own resolution.
- `gan`: the whole image as an editor returns it.

Images are float `[n, 3, s, s]` in [0, 1]. A mask `[n, 1, s, s]` is 1 where the blend takes half or more of the forgery;
where it takes none, forged and real image are the same numbers. What both classes have in common, they get from
`publish`: the same random resampling, compression and rounding, so that none of it tells them apart.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate

KINDS = ("swap", "warp", "edit", "gan")

Edit = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""From images in [0, 1], where they stand in their set, and a source of chance, to the same edited."""


def forge(kind: str, x: Tensor, at: Tensor, rng: torch.Generator, edit: Edit | None) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of `kind`: real images, the same forged, and the masks of these. `at` says where they stand in their
    set."""
    real = x
    if kind == "swap":
        fake, alpha = swap(x, rng)
    elif kind == "warp":
        fake, alpha = warp(x, rng)
    elif kind == "edit":
        fake, alpha = blend_edit(x, at, rng, edit)
    elif kind == "gan":
        # An editor works at its own size; real images lose the same detail.
        fake, alpha = edit(x, at, rng), torch.ones_like(x[:, :1])
        real = resample(real, edit.size)
    else:
        raise ValueError(f"there is no forgery '{kind}': there are {', '.join(KINDS)}")
    return real, fake, (alpha >= 0.5).float()


def swap(x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each face with its neighbour's in it."""
    alpha = oval(x, (0.5, 0.58), (0.27, 0.33), rng)
    donor = move(x.roll(-1, 0), 0.04, 0.04, rng)
    donor = torch.lerp(resample(donor, x.shape[-1] * 5 // 8), resample(donor, x.shape[-1] * 3 // 8),
                       uniform(x, 0, 1, rng))
    mean = lambda v: (v * alpha).sum((2, 3), keepdim=True) / alpha.sum((2, 3), keepdim=True)  # noqa: E731
    of, to = mean(donor), mean(x)
    spread = (mean((x - to) ** 2) / mean((donor - of) ** 2).clamp_min(1e-4)).sqrt().clamp(0.5, 2)
    donor = ((donor - of) * spread + to).clamp(0, 1)
    return torch.lerp(x, donor, alpha), alpha


PARTS = (((0.5, 0.58), (0.26, 0.32)), ((0.5, 0.5), (0.24, 0.11)), ((0.5, 0.74), (0.17, 0.11)))
"""Face, eyes and mouth in CelebA's alignment: centre and radii, horizontal before vertical."""


def warp(x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each face with a part of it bent and blended back: the whole face, its eyes, or its mouth."""
    parts = torch.stack([oval(x, centre, radii, rng) for centre, radii in PARTS])
    which = torch.randint(len(PARTS), (len(x),), generator=rng, device=x.device)
    alpha = parts[which, torch.arange(len(x), device=x.device)]
    flow = noise(x, 2, 5, rng) * uniform(x, 0.012, 0.03, rng)
    bent = sample(move(x, 0.03, 0.05, rng), flow)
    soft = resample(bent, x.shape[-1] // 2)
    bent = torch.lerp(bent, soft, uniform(x, 0.4, 1, rng))
    tint = 1 + uniform(x, -0.15, 0.15, rng) + uniform(x, -0.08, 0.08, rng, channels=3)
    return torch.lerp(x, (bent * tint).clamp(0, 1), alpha), alpha


def blend_edit(x: Tensor, at: Tensor, rng: torch.Generator, edit: Edit) -> tuple[Tensor, Tensor]:
    """Each face with an editor's change of it inside an oval that holds hair or face."""
    small = resample(x, edit.size)
    change = edit(x, at, rng) - small
    centre = (uniform(x, 0.42, 0.58, rng), uniform(x, 0.3, 0.65, rng))
    alpha = oval(x, centre, (0.36, 0.3), rng)
    return (x + alpha * change).clamp(0, 1), alpha


def publish(x: Tensor, rng: torch.Generator) -> Tensor:
    """What happens to an image on its way to a detector: resampled, compressed as JPEG, rounded to eight bits."""
    x = torch.lerp(x, resample(x, x.shape[-1] * 3 // 4), uniform(x, 0, 1, rng))
    x = jpeg(x, uniform(x, 80, 98, rng).flatten())
    return (x.clamp(0, 1) * 255).round() / 255


def jpeg(x: Tensor, quality: Tensor) -> Tensor:
    """JPEG (ITU-T T.81) of `x` at each sample's `quality` `[n]`, 1 to 100, colours at half resolution, without the
    lossless part. Height and width are multiples of 16."""
    to_ycc = x.new_tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    ycc = torch.einsum("ij,njhw->nihw", to_ycc, x * 255)
    luma, chroma = ycc[:, :1] - 128, avg_pool2d(ycc[:, 1:], 2)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    planes = []
    for plane, steps in ((luma, LUMA), (chroma, CHROMA)):
        table = ((x.new_tensor(steps) * scale[:, None] + 50) / 100).floor().clamp(1, 255)
        planes.append(quantise(plane, table.view(-1, 1, 1, 1, 8, 8)))
    luma, chroma = planes[0] + 128, interpolate(planes[1], scale_factor=2, mode="bilinear", align_corners=False)
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_ycc), torch.cat([luma, chroma], 1)) / 255


def quantise(plane: Tensor, table: Tensor) -> Tensor:
    """A plane through the discrete cosine transform of 8 x 8 blocks, rounded to multiples of `table`, and back."""
    i = torch.arange(8, device=plane.device, dtype=plane.dtype)
    basis = torch.cos((2 * i + 1) * i[:, None] * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    n, c, h, w = plane.shape
    blocks = plane.reshape(n, c, h // 8, 8, w // 8, 8).transpose(3, 4)
    coefficients = (basis @ blocks @ basis.T / table).round() * table
    return (basis.T @ coefficients @ basis).transpose(3, 4).reshape(n, c, h, w)


LUMA = [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
        51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121,
        120, 101, 72, 92, 95, 98, 112, 100, 103, 99]
CHROMA = [17, 18, 24, 47, *[99] * 4, 18, 21, 26, 66, *[99] * 4, 24, 26, 56, *[99] * 5, 47, 66, *[99] * 38]


def resample(x: Tensor, size: int) -> Tensor:
    """`x` resized to `size` and back to its own."""
    if size == x.shape[-1]:
        return x
    small = interpolate(x, size=(size, size), mode="bicubic", antialias=True, align_corners=False)
    return interpolate(small, size=x.shape[-2:], mode="bicubic", align_corners=False).clamp(0, 1)


Place = tuple[float | Tensor, float | Tensor]


def oval(x: Tensor, centre: Place, radii: tuple[float, float], rng: torch.Generator) -> Tensor:
    """A feathered, dented ellipse a sample, `[n, 1, s, s]`; centre and radii are shares of the width, horizontal before
    vertical, `[n, 1, 1, 1]` where samples differ."""
    rows, columns = grid(x)
    wobble = lambda by: uniform(x, -by, by, rng)  # noqa: E731
    across = (columns - centre[0] - wobble(0.02)) / (radii[0] * (1 + wobble(0.15)))
    down = (rows - centre[1] - wobble(0.02)) / (radii[1] * (1 + wobble(0.15)))
    distance = (across**2 + down**2).sqrt() + 0.12 * noise(x, 1, 5, rng)
    feather = uniform(x, 0.08, 0.2, rng)
    t = ((1 - distance) / feather / 2 + 0.5).clamp(0, 1)
    return t * t * (3 - 2 * t)


def move(x: Tensor, scale: float, turn: float, rng: torch.Generator) -> Tensor:
    """`x` shifted and scaled by up to `scale`, turned by up to `turn` radians."""
    angle, factor = uniform(x, -turn, turn, rng).flatten(), 1 + uniform(x, -scale, scale, rng).flatten()
    shift = uniform(x, -scale, scale, rng, channels=2)[:, :, 0, 0]
    cos, sin = factor * angle.cos(), factor * angle.sin()
    theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1).view(-1, 2, 3)
    where = affine_grid(theta, list(x.shape), align_corners=False)
    return grid_sample(x, where, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(0, 1)


def sample(x: Tensor, flow: Tensor) -> Tensor:
    """`x` read at each pixel's own place plus `flow` `[n, 2, s, s]`, in shares of the width, horizontal first."""
    rows, columns = grid(x)
    where = torch.stack([(columns + flow[:, :1])[:, 0], (rows + flow[:, 1:])[:, 0]], 3) * 2 - 1
    return grid_sample(x, where, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(0, 1)


def noise(x: Tensor, channels: int, cells: int, rng: torch.Generator) -> Tensor:
    """Smooth noise in [-1, 1], `[n, channels, s, s]`, of about `cells` bumps across."""
    coarse = torch.rand(len(x), channels, cells, cells, generator=rng, device=x.device) * 2 - 1
    return interpolate(coarse, size=x.shape[-2:], mode="bicubic", align_corners=False).clamp(-1, 1)


def grid(x: Tensor) -> tuple[Tensor, Tensor]:
    """Where pixels stand in [0, 1]: rows `[1, 1, s, 1]` and columns `[1, 1, 1, s]`."""
    place = (torch.arange(x.shape[-1], device=x.device) + 0.5) / x.shape[-1]
    return place.view(1, 1, -1, 1), place.view(1, 1, 1, -1)


def uniform(x: Tensor, low: float, high: float, rng: torch.Generator, channels: int = 1) -> Tensor:
    """One number a sample and channel, `[n, channels, 1, 1]`."""
    return low + (high - low) * torch.rand(len(x), channels, 1, 1, generator=rng, device=x.device)

