"""The classifier of attributes that judges edits: trained apart from every editor, and not shipped.

Its last number is about the style: whether the image is painted (`painted.py`), for U-GAT-IT.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import Adam

from .data import Faces
from .fitting import Task
from .painted import paint, paintings

PAINTED = "Painted"


class Judge(nn.Module):
    """From images in [-1, 1] to a logit an attribute, `y` `[n, k + 1]`."""

    def __init__(self, attributes: int, dim: int = 24):
        super().__init__()
        layers, i = [], 3
        for k in range(4):
            o = dim * 2**k
            layers += [nn.Conv2d(i, o, 3, 2 if k else 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
                       nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
            i = o
        self.main = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                                  nn.Linear(4 * i, attributes + 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": self.main(x)}


class Training(Task):
    def __init__(self, faces: Faces, net: Judge, batch: int, rng: torch.Generator):
        self.net, self.batch, self.rng = net, batch, rng
        self.modules = {"net": net}
        self.optimisers = {"net": Adam(net.parameters(), 1e-3, weight_decay=1e-4)}
        self.train, self.validation = faces.only("train"), faces.only("validation")
        self.painted = paintings(self.train)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Images in [-1, 1], half of them painted, shifted and tinted a little; their labels."""
        x, at = self.train.batch(self.batch, self.rng)
        stroked, _ = self.painted.batch(self.batch, self.rng, at)
        painted = torch.rand(len(x), generator=self.rng, device=x.device) < 0.5
        x = torch.where(painted.view(-1, 1, 1, 1), stroked, x)
        tint = 1 + 0.1 * (2 * torch.rand(len(x), 3, 1, 1, generator=self.rng, device=x.device) - 1)
        return 2 * (x * tint).clamp(0, 1) - 1, torch.cat([self.train.labels[at], painted[:, None]], 1).float()

    def step(self) -> dict[str, Tensor]:
        x, labels = self.draw()
        with self.autocast():
            logits = self.net(x)["y"]
        loss = binary_cross_entropy_with_logits(logits.float(), labels)
        self.optimisers["net"].zero_grad()
        loss.backward()
        self.optimisers["net"].step()
        return {"loss": loss}

    def feed(self, net: nn.Module) -> None:
        net(self.draw()[0])

    def validate(self, net: nn.Module) -> dict[str, float]:
        logits, labels = judged(net, self.validation)
        right = ((logits > 0) == labels).float().mean().item()
        return {"accuracy": round(right, 4)}


@torch.no_grad()
def judged(net: nn.Module, faces: Faces) -> tuple[Tensor, Tensor]:
    """Logits and labels `[2n, k + 1]` of every face, as it is and painted."""
    logits, labels = [], []
    for images, known in zip(faces.images.split(128), faces.labels.split(128), strict=True):
        x = images.float() / 255
        for painted, version in ((False, x), (True, paint(x))):
            logits.append(net(2 * version - 1)["y"])
            labels.append(torch.cat([known, torch.full_like(known[:, :1], painted)], 1))
    return torch.cat(logits), torch.cat(labels)


def thresholds(net: nn.Module, faces: Faces) -> Tensor:
    """The logit `[k + 1]` from which on an attribute counts as there: where, on `faces`, the shares of right answers
    among those that have it and those that lack it are largest together. Rare attributes would never be found at 0."""
    logits, labels = judged(net, faces)
    found = []
    for column, truth in zip(logits.T, labels.T, strict=True):
        order = column.argsort()
        # Cutting after the i-th: those lacking it up to there are right, and those having it beyond.
        lacking, having = (~truth[order]).float(), truth[order].float()
        right = lacking.cumsum(0) / lacking.sum().clamp_min(1) + 1 - having.cumsum(0) / having.sum().clamp_min(1)
        best = right[:-1].argmax()
        found.append((column[order[best]] + column[order[best + 1]]) / 2)
    return torch.stack(found)
