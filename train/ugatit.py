"""U-GAT-IT, light (Kim et al., arXiv 1907.10830): photographs to paintings without pairs, attention by auxiliary
classifiers in generators and discriminators.

Departs from the paper in width, size and batch (`recipes.py`), in the depth of its discriminators, which see 64 pixels
instead of 256, and in that averaged weights ship. The paintings (`painted.py`) are of faces that never occur as
photographs.
"""

import copy
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d, binary_cross_entropy_with_logits
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import cached
from torch.optim import Adam

from .data import Faces
from .fitting import Task
from .painted import paintings
from .reference.nets.ugatit import UGATIT, LayerInstanceNorm


class Discriminator(nn.Module):
    """Patches of an image to scores, and the two scores of its auxiliary classifiers; `depth` halvings."""

    def __init__(self, depth: int, dim: int = 32):
        super().__init__()
        layers, i, o = [], 3, dim
        for k in range(depth + 1):
            layers += [nn.ReflectionPad2d(1), spectral_norm(nn.Conv2d(i, o, 4, 2 if k < depth else 1)),
                       nn.LeakyReLU(0.2)]
            i, o = o, 2 * o
        self.main = nn.Sequential(*layers)
        self.gap_fc, self.gmp_fc = (spectral_norm(nn.Linear(i, 1, bias=False)) for _ in range(2))
        self.mix = nn.Sequential(nn.Conv2d(2 * i, i, 1), nn.LeakyReLU(0.2))
        self.score = nn.Sequential(nn.ReflectionPad2d(1), spectral_norm(nn.Conv2d(i, 1, 4, bias=False)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # The power iteration of the spectral norm knows no mixed precision.
        with torch.autocast(x.device.type, enabled=False):
            for layer in (*self.main, *self.score, self.gap_fc, self.gmp_fc):
                _ = getattr(layer, "weight", None)
        x = self.main(x)
        classes = attend(x, self.gap_fc, self.gmp_fc)
        parts = [x * fc.weight[:, :, None, None] for fc in (self.gap_fc, self.gmp_fc)]
        return self.score(self.mix(torch.cat(parts, 1))).float(), classes


def attend(x: Tensor, gap_fc: nn.Linear, gmp_fc: nn.Linear) -> Tensor:
    """The auxiliary classifiers' logits `[n, 2]` for features."""
    return torch.cat([gap_fc(x.mean((2, 3))), gmp_fc(adaptive_max_pool2d(x, 1).flatten(1))], 1).float()


class Generator(nn.Module):
    """A generator with the logits that its forward pass does not return."""

    def __init__(self, net: UGATIT):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.net.DownBlock(x)
        return self.net.decode(features).float(), attend(features, self.net.gap_fc, self.net.gmp_fc)


class Training(Task):
    def __init__(self, faces: Faces, net: UGATIT, batch: int, rng: torch.Generator):
        faces, self.batch, self.rng = faces.only("train"), batch, rng
        half, device = len(faces) // 2, faces.images.device
        self.photographs = Faces(faces.images[:half], faces.labels[:half], faces.attributes)
        self.paintings = paintings(Faces(faces.images[half:], faces.labels[half:], faces.attributes))
        back = Generator(copy.deepcopy(net))
        there = Generator(net)
        critics = [Discriminator(depth) for depth in (2, 4, 2, 4)]
        self.net, self.there, self.back = net, there, back
        self.modules = {"net": net, "back": back.net, "critics": nn.ModuleList(critics).to(device)}
        nets = list(chain(net.parameters(), back.net.parameters()))
        make = lambda parameters: Adam(parameters, 1e-4, (0.5, 0.999), weight_decay=1e-4)  # noqa: E731
        self.optimisers = {"nets": make(nets), "critics": make(self.modules["critics"].parameters())}

    def draw(self) -> tuple[Tensor, Tensor]:
        """A batch of photographs and one of paintings, in [-1, 1]."""
        return tuple((2 * set_.batch(self.batch, self.rng)[0] - 1).contiguous(memory_format=torch.channels_last)
                     for set_ in (self.photographs, self.paintings))

    def compile(self) -> None:
        self.there.compile()
        self.back.compile()

    def step(self) -> dict[str, Tensor]:
        photo, painting = self.draw()
        critics = list(self.modules["critics"])
        of_photo, of_painting = critics[:2], critics[2:]
        with self.autocast():
            (to_painting, same_painting), (there_cam, there_same_cam) = both(self.there, photo, painting)
            (to_photo, same_photo), (back_cam, back_same_cam) = both(self.back, painting, photo)
            cycle = (self.back(to_painting)[0] - photo).abs().mean() + (self.there(to_photo)[0] - painting).abs().mean()
        self.optimisers["critics"].zero_grad()
        # Cached, or each use of a critic's weight would pay for its spectral norm anew.
        with self.autocast(), cached():
            d = sum(wanted(c, painting, 1) + wanted(c, to_painting.detach(), 0) for c in of_painting)
            d = d + sum(wanted(c, photo, 1) + wanted(c, to_photo.detach(), 0) for c in of_photo)
        d.backward()
        self.optimisers["critics"].step()
        with self.autocast(), cached():
            adversarial = sum(wanted(c, to_painting, 1) for c in of_painting)
            adversarial = adversarial + sum(wanted(c, to_photo, 1) for c in of_photo)
        same = (same_painting - painting).abs().mean() + (same_photo - photo).abs().mean()
        attention = sum(decided(cam, 1) for cam in (there_cam, back_cam))
        attention = attention + sum(decided(cam, 0) for cam in (there_same_cam, back_same_cam))
        self.optimisers["nets"].zero_grad()
        (adversarial + 10 * cycle + 10 * same + 1000 * attention).backward()
        self.optimisers["nets"].step()
        with torch.no_grad():
            for module in chain(self.net.modules(), self.back.modules()):
                if isinstance(module, LayerInstanceNorm):
                    module.rho.clamp_(0, 1)
        return {"d": d, "g_adversarial": adversarial, "g_cycle": cycle, "g_same": same, "g_attention": attention}

    def feed(self, net: nn.Module) -> None:
        net(self.draw()[0])


def both(generator: Generator, one: Tensor, other: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The images of two batches, and the logits of their features, in one pass."""
    images, logits = generator(torch.cat([one, other]))
    return images.chunk(2), logits.chunk(2)


def wanted(critic: Discriminator, x: Tensor, answer: float) -> Tensor:
    """The least-squares loss of a discriminator's scores and classifiers against the answer."""
    score, classes = critic(x)
    return (score - answer).square().mean() + (classes - answer).square().mean()


def decided(logits: Tensor, answer: float) -> Tensor:
    """Cross-entropy of a generator's auxiliary classifiers."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, answer))
