"""What the editors of attributes share: a critic of images and attributes, and the game against it.

The adversarial loss is the logistic one with a penalty on the critic's slope at real images, every few steps only
(Mescheder et al., arXiv 1801.04406; lazily as Karras et al., arXiv 1912.04958). The editors' authors use the
Wasserstein loss with a gradient penalty and several critic steps for one of the editor, which costs several times as
much.
"""

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.optim import Adam

from .conditions import encode, shuffled
from .data import Faces
from .fitting import Task

LAZY = 8
"""Critic steps from one penalty to the next, which weighs as much more."""


class Critic(nn.Module):
    """StarGAN's: from images in [-1, 1] to a score a patch, and to logits of attributes, `[n, k]`. AttGAN's and STGAN's
    authors put norms and dense heads into theirs, which know eight thousand faces by heart before long."""

    def __init__(self, attributes: int, size: int, dim: int = 32, depth: int = 5):
        super().__init__()
        layers, i = [], 3
        for k in range(depth):
            o = dim * 2 ** min(k, 4)
            layers += [nn.Conv2d(i, o, 4, 2, 1), nn.LeakyReLU(0.01)]
            i = o
        self.main = nn.Sequential(*layers)
        self.score = nn.Conv2d(i, 1, 3, 1, 1, bias=False)
        self.classes = nn.Conv2d(i, attributes, size >> depth, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.main(x)
        return self.score(x).float(), self.classes(x).flatten(1).float()


class Game(Task):
    """The training of an editor told its `names`; what it must keep of a face is the editor's own affair."""

    architecture: str
    names: tuple[str, ...]
    edit_weight = 1
    """The weight of the attributes that an edit shall have, summed over them."""
    smooth = 0.5
    """How much the critic is kept from being steep in its attributes."""

    def __init__(self, faces: Faces, net: nn.Module, batch: int, rng: torch.Generator):
        self.faces, self.batch, self.rng, self.net = faces.only("train"), batch, rng, net
        self.labels = self.faces.columns(self.names)
        self.critic = Critic(len(self.names), faces.images.shape[-1])
        self.critic.to(faces.images.device, memory_format=torch.channels_last)
        self.modules = {"net": self.net, "critic": self.critic}
        self.optimisers = {k: Adam(m.parameters(), 2e-4, (0.5, 0.99)) for k, m in self.modules.items()}
        # Where it stands in the round of penalties must survive a resumption, so it is part of a module.
        self.critic.register_buffer("round", torch.zeros((), dtype=torch.int64))

    @abstractmethod
    def kept(self, x: Tensor, labels: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of what the face `x` with `labels`, edited to `fake`, must keep: plain, and with its weight beside
        the others."""

    def compile(self) -> None:
        self.net.compile()

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Images in [-1, 1], their labels, and the labels that they shall have."""
        x, at = self.faces.batch(self.batch, self.rng)
        x = (2 * x - 1).contiguous(memory_format=torch.channels_last)
        return x, self.labels[at], shuffled(self.labels[at], self.rng)

    def edit(self, net: nn.Module, x: Tensor, labels: Tensor, shall: Tensor) -> Tensor:
        with self.autocast():
            return net(x, encode(self.architecture, labels, shall))["y"].float()

    def step(self) -> dict[str, Tensor]:
        x, labels, shall = self.draw()
        fake = self.edit(self.net, x, labels, shall)
        critic = self.criticise(x, labels, fake.detach())
        with self.autocast():
            score, classes = self.critic(fake)
        adversarial, edit = softplus(-score).mean(), told(classes, shall)
        kept, weighed = self.kept(x, labels, fake)
        self.optimisers["net"].zero_grad()
        (adversarial + self.edit_weight * edit + weighed).backward()
        self.optimisers["net"].step()
        return critic | {"g_adversarial": adversarial, "g_edit": edit, "g_kept": kept}

    def criticise(self, x: Tensor, labels: Tensor, fake: Tensor) -> dict[str, Tensor]:
        with self.autocast():
            real_score, classes = self.critic(x)
            fake_score, _ = self.critic(fake)
        loss, known = softplus(-real_score).mean() + softplus(fake_score).mean(), told(classes, labels)
        slope = self.penalty(x) if self.critic.round % LAZY == 0 else torch.zeros(())
        self.critic.round += 1
        self.optimisers["critic"].zero_grad()
        (loss + known + LAZY * slope).backward()
        self.optimisers["critic"].step()
        return {"d_loss": loss, "d_known": known}

    def penalty(self, real: Tensor) -> Tensor:
        """The mean squared slope of the critic's score at real images, and `smooth` times that of its logits, all of
        them in a random direction. Where logits are steep, an editor moves them by patterns that nobody sees; few faces
        make them steep. In float32, always: it is differentiated twice."""
        real = real.detach().requires_grad_()
        with torch.autocast(real.device.type, enabled=False):
            score, classes = self.critic(real)
            signs = torch.randint(2, classes.shape, generator=self.rng, device=real.device) * 2 - 1
            of = [score.flatten(1).mean(1).sum(), (classes * signs).sum()]
            slopes = [torch.autograd.grad(v, real, create_graph=True)[0] for v in of[: 2 if self.smooth else 1]]
        squares = [slope.square().sum((1, 2, 3)).mean() for slope in slopes]
        return squares[0] + self.smooth * sum(squares[1:])

    def feed(self, net: nn.Module) -> None:
        self.edit(net, *self.draw())


def told(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of attributes, summed over them, as the editors' authors weigh it."""
    return binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(labels)
