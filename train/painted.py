"""A second domain of our own for U-GAT-IT: photographs rendered as paintings.

Flat brush strokes (the anisotropy-free filter of Kuwahara et al., 1976), a warm palette of few tones, dark outlines.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from .data import Faces


def paint(x: Tensor, radius: int = 2, tones: int = 5) -> Tensor:
    """`x` `[n, 3, s, s]` in [0, 1] as a painting."""
    flat = kuwahara(kuwahara(x, radius), radius)
    grey = flat.mean(1, keepdim=True)
    stepped = ((grey * tones).floor() + smooth((grey * tones) % 1)) / tones
    colour = grey + 1.6 * (flat - grey)
    painted = colour + stepped - grey
    warm = painted.new_tensor([1.06, 1.0, 0.88]).view(1, 3, 1, 1)
    return (painted * warm * (1 - 0.7 * outline(grey))).clamp(0, 1)


def paintings(faces: Faces) -> Faces:
    """The same faces as paintings."""
    images = [(paint(part.float() / 255) * 255).round().byte() for part in faces.images.split(256)]
    return Faces(torch.cat(images), faces.labels, faces.attributes)


def kuwahara(x: Tensor, radius: int) -> Tensor:
    """Each pixel becomes the mean of the one of four squares at its corners that varies least."""
    side = radius + 1
    mean, square = (avg_pool2d(pad(v, [radius] * 4, mode="reflect"), side, 1) for v in (x, x * x))
    spread = (square - mean**2).sum(1)
    h, w = x.shape[-2:]
    corners = [(slice(i, i + h), slice(j, j + w)) for i in (0, radius) for j in (0, radius)]
    least = torch.stack([spread[:, i, j] for i, j in corners]).argmin(0)
    means = torch.stack([mean[:, :, i, j] for i, j in corners])
    return means.gather(0, least[None, :, None].expand(1, -1, 3, -1, -1))[0]


def outline(grey: Tensor) -> Tensor:
    """How much of an edge is at each pixel, 0 to 1."""
    wide = pad(grey, [1] * 4, mode="replicate")
    across, down = wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2], wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]
    return smooth((((across**2 + down**2).sqrt() - 0.12) / 0.25).clamp(0, 1))


def smooth(t: Tensor) -> Tensor:
    return t * t * (3 - 2 * t)
