"""AttGAN (He et al., arXiv 1711.10678): an encoder that knows no attributes, a decoder that is told them, and a loss
for restoring the face under its own.

Departs from the paper in width, depth, size and batch (`recipes.py`), in the adversarial loss and the critic
(`critic.py`), and in that averaged weights ship.
"""

from torch import Tensor

from .conditions import ATTGAN
from .critic import Game


class Training(Game):
    architecture = "attgan"
    names: tuple[str, ...] = ATTGAN

    def kept(self, x: Tensor, labels: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        restored = (self.edit(self.net, x, labels, labels) - x).abs().mean()
        return restored, 10 * restored
