"""StarGAN (Choi et al., arXiv 1711.09020): one generator, told what the face shall have, and a critic by patches;
edited back, the face must be what it was.

Departs from the paper in width, size and batch (`recipes.py`), in the adversarial loss (`critic.py`), and in that
averaged weights ship.
"""

from torch import Tensor

from .conditions import STARGAN
from .critic import Game


class Training(Game):
    architecture = "stargan"
    names = STARGAN
    smooth = 0

    def kept(self, x: Tensor, labels: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        cycle = (self.edit(self.net, fake, labels, labels) - x).abs().mean()
        return cycle, 10 * cycle
