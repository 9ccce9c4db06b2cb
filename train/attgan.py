"""AttGAN (He et al., arXiv 1711.10678): an encoder that knows no attributes, a decoder that is told them, and a loss
for restoring the face under its own.

Departs from the paper in width, depth, size, batch and critic steps (`recipes.py`), and in that averaged weights ship.
"""

import torch
from torch import Tensor, nn
from torch.optim import Adam

from .conditions import ATTGAN, encode, shuffled
from .critic import Critic, penalty, told
from .data import Faces
from .fitting import Task
from .reference.nets.attgan import AttGAN


class Training(Task):
    names: tuple[str, ...] = ATTGAN
    architecture = "attgan"
    edit_weight, restore_weight = 10, 100

    def __init__(self, faces: Faces, net: AttGAN, batch: int, critic_steps: int, rng: torch.Generator):
        self.faces, self.batch, self.critic_steps, self.rng = faces.only("train"), batch, critic_steps, rng
        self.labels = self.faces.columns(self.names)
        self.net = net
        self.critic = Critic(len(self.names), faces.images.shape[-1], local=False).to(faces.images.device)
        self.modules = {"net": self.net, "critic": self.critic}
        self.optimisers = {k: Adam(m.parameters(), 2e-4, (0.5, 0.999)) for k, m in self.modules.items()}

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Images in [-1, 1], their labels, and the labels that they shall have."""
        x, at = self.faces.batch(self.batch, self.rng)
        return 2 * x - 1, self.labels[at], shuffled(self.labels[at], self.rng)

    def edit(self, net: nn.Module, x: Tensor, labels: Tensor, shall: Tensor) -> Tensor:
        return net(x, encode(self.architecture, labels, shall))["y"]

    def step(self) -> dict[str, Tensor]:
        for _ in range(self.critic_steps):
            critic = self.criticise()
        x, labels, shall = self.draw()
        with self.autocast():
            fake = self.edit(self.net, x, labels, shall)
            same = self.edit(self.net, x, labels, labels)
            score, classes = self.critic(fake)
        adversarial, edit = -score.float().mean(), told(classes, shall) / len(self.names)
        restored = (same - x).abs().mean()
        self.optimisers["net"].zero_grad()
        (adversarial + self.edit_weight * edit + self.restore_weight * restored).backward()
        self.optimisers["net"].step()
        return critic | {"g_adversarial": adversarial, "g_edit": edit, "g_restored": restored}

    def criticise(self) -> dict[str, Tensor]:
        x, labels, shall = self.draw()
        with self.autocast():
            with torch.no_grad():
                fake = self.edit(self.net, x, labels, shall)
            real_score, classes = self.critic(x)
            fake_score, _ = self.critic(fake)
        distance = real_score.float().mean() - fake_score.float().mean()
        known = told(classes, labels) / len(self.names)
        slope = penalty(lambda v: self.critic(v)[0], x, fake, self.rng)
        self.optimisers["critic"].zero_grad()
        (-distance + known + 10 * slope).backward()
        self.optimisers["critic"].step()
        return {"d_distance": distance, "d_known": known, "d_slope": slope}

    def feed(self, net: nn.Module) -> None:
        x, labels, shall = self.draw()
        self.edit(net, x, labels, shall)
