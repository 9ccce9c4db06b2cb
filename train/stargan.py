"""StarGAN (Choi et al., arXiv 1711.09020): one generator, told what the face shall have, and a critic by patches.

Departs from the paper in width, size, batch and critic steps (`recipes.py`), and in that averaged weights ship.
"""

import torch
from torch import Tensor, nn
from torch.optim import Adam

from .conditions import STARGAN, shuffled
from .critic import Critic, penalty, told
from .data import Faces
from .fitting import Task
from .reference.nets.stargan import StarGAN


class Training(Task):
    def __init__(self, faces: Faces, net: StarGAN, batch: int, critic_steps: int, rng: torch.Generator):
        self.faces, self.batch, self.critic_steps, self.rng = faces.only("train"), batch, critic_steps, rng
        self.labels = self.faces.columns(STARGAN)
        self.net, self.critic = net, Critic(len(STARGAN), faces.images.shape[-1], local=True).to(faces.images.device)
        self.modules = {"net": self.net, "critic": self.critic}
        self.optimisers = {k: Adam(m.parameters(), 1e-4, (0.5, 0.999)) for k, m in self.modules.items()}

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Images in [-1, 1], their labels, and the labels that they shall have."""
        x, at = self.faces.batch(self.batch, self.rng)
        return 2 * x - 1, self.labels[at], shuffled(self.labels[at], self.rng)

    def step(self) -> dict[str, Tensor]:
        for _ in range(self.critic_steps):
            critic = self.criticise()
        x, labels, shall = self.draw()
        with self.autocast():
            fake = self.net(x, shall)["y"]
            score, classes = self.critic(fake)
            back = self.net(fake, labels)["y"]
        adversarial, edit = -score.float().mean(), told(classes, shall)
        cycle = (back - x).abs().mean()
        self.optimisers["net"].zero_grad()
        (adversarial + edit + 10 * cycle).backward()
        self.optimisers["net"].step()
        return critic | {"g_adversarial": adversarial, "g_edit": edit, "g_cycle": cycle}

    def criticise(self) -> dict[str, Tensor]:
        x, labels, shall = self.draw()
        with self.autocast():
            with torch.no_grad():
                fake = self.net(x, shall)["y"]
            real_score, classes = self.critic(x)
            fake_score, _ = self.critic(fake)
        distance = real_score.float().mean() - fake_score.float().mean()
        known, slope = told(classes, labels), penalty(lambda v: self.critic(v)[0], x, fake, self.rng)
        self.optimisers["critic"].zero_grad()
        (-distance + known + 10 * slope).backward()
        self.optimisers["critic"].step()
        return {"d_distance": distance, "d_known": known, "d_slope": slope}

    def feed(self, net: nn.Module) -> None:
        x, _, shall = self.draw()
        net(x, shall)
