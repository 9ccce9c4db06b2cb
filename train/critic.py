"""What the editors' critics share: the Wasserstein loss' gradient penalty (arXiv 1704.00028) and two networks."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class Critic(nn.Module):
    """From images in [-1, 1] to a score and to logits of attributes, `[n, k]`.

    `local` is StarGAN's: a score a patch, no norm. Otherwise AttGAN's and STGAN's: instance norm, dense heads.
    """

    def __init__(self, attributes: int, size: int, local: bool, dim: int = 64, depth: int = 5):
        super().__init__()
        layers, i = [], 3
        for k in range(depth):
            o = dim * 2 ** min(k, 4)
            layers.append(nn.Conv2d(i, o, 4, 2, 1))
            layers += [nn.LeakyReLU(0.01)] if local else [nn.InstanceNorm2d(o, affine=True), nn.LeakyReLU(0.2)]
            i = o
        if not local:
            # Over the last 2 x 2 values, a norm would leave nothing of how strong features are.
            del layers[-2]
        self.main = nn.Sequential(*layers)
        side = size >> depth
        head = lambda out: nn.Sequential(  # noqa: E731
            nn.Flatten(), nn.Linear(i * side * side, 8 * dim), nn.LeakyReLU(0.2), nn.Linear(8 * dim, out))
        self.score = nn.Conv2d(i, 1, 3, 1, 1, bias=False) if local else head(1)
        self.classes = nn.Conv2d(i, attributes, side, bias=False) if local else head(attributes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.main(x)
        return self.score(x), self.classes(x).flatten(1)


def penalty(score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """How far the slope between real and fake images is from 1. In float32, always: it is differentiated twice."""
    mix = torch.rand(len(real), 1, 1, 1, generator=rng, device=real.device)
    between = torch.lerp(fake.float(), real.float(), mix).requires_grad_()
    with torch.autocast(real.device.type, enabled=False):
        slope, = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def told(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of attributes, summed over them, as the editors' authors weigh it."""
    return binary_cross_entropy_with_logits(logits.float(), labels, reduction="sum") / len(labels)
