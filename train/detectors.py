"""Detectors, each with its authors' loss, on forgeries made as it trains.

The answers: two logits with class 1 fake (Xception, ResNet, Inception-v3); one logit, positive for synthetic
(CNNDetection, arXiv 1912.11035) or for real (MesoInception-4, arXiv 1809.00888); the energies of a fake and a real zone
(Y-shaped autoencoder, arXiv 1906.06876, and ForensicTransfer, arXiv 1812.02510).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss
from torch.optim import Adam

from .data import Faces
from .fitting import Task
from .forgeries import Edit, forge, publish


@dataclass(frozen=True)
class Answer:
    """How a detector's `y` is read, and what it learns from a batch."""

    kind: str
    """`classes`, `synthetic`, `real`, or `zones`."""
    reconstruction: str = ""
    """For zones: `mse`, with weight 1, as the Y-shaped autoencoder; `l1`, with weight 0.1, as ForensicTransfer."""

    def margin(self, y: Tensor) -> Tensor:
        """`[n]`, positive for fake."""
        if self.kind == "classes":
            return y[:, 1] - y[:, 0]
        if self.kind == "zones":
            return y[:, 0] - y[:, 1]
        return y[:, 0] if self.kind == "synthetic" else -y[:, 0]

    def loss(self, net: nn.Module, x: Tensor, fake: Tensor, mask: Tensor) -> Tensor:
        """The loss on images as the network sees them; `fake` is 0 or 1 `[n]`, `mask` 0 or 1 `[n, 1, s, s]`."""
        if self.kind == "classes":
            return cross_entropy(net(x)["y"].float(), fake.long())
        if self.kind != "zones":
            target = fake if self.kind == "synthetic" else 1 - fake
            return binary_cross_entropy_with_logits(net(x)["y"][:, 0].float(), target)
        real = 1 - fake
        out = {key: value.float() for key, value in net(x, zone=real).items()}
        loss = ((out["y"][:, 1] - real).abs() + (out["y"][:, 0] - fake).abs()).mean()
        if "mask" in out:
            # The authors' cross-entropy takes what the softmax has made of the logits; so does this.
            loss = loss + cross_entropy(torch.cat([1 - out["mask"], out["mask"]], 1), mask[:, 0].long())
        if self.reconstruction == "mse":
            return loss + mse_loss(out["reconstruction"], x)
        return loss + 0.1 * l1_loss(out["reconstruction"], x)


@dataclass(frozen=True)
class Seen:
    """What a network sees of pixels in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __call__(self, x: Tensor) -> Tensor:
        return (x - x.new_tensor(self.mean).view(1, 3, 1, 1)) / x.new_tensor(self.std).view(1, 3, 1, 1)


CURVE = 300
"""Faces of the validation split that a curve is drawn from."""


class Training(Task):
    def __init__(self, faces: Faces, net: nn.Module, answer: Answer, seen: Seen, forgery: str, batch: int,
                 decay: float, edit: dict[str, Edit], rng: torch.Generator):
        self.faces, self.net, self.answer, self.seen, self.forgery = faces, net, answer, seen, forgery
        self.batch, self.edit, self.rng = batch, edit, rng
        self.modules = {"net": net}
        trained = [p for p in net.parameters() if p.requires_grad]
        self.optimisers = {"net": Adam(trained, 1e-3, weight_decay=decay)}
        self.train, self.validation = faces.only("train"), faces.only("validation").first(CURVE)

    def draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """As many real images as forged ones, as the network sees them; which are fake; masks."""
        x, at = self.train.batch(self.batch // 2, self.rng)
        with torch.no_grad():
            x, fake, mask = labelled(self.forgery, x, at, self.rng, self.edit.get("train"))
        return self.seen(x), fake, mask

    def step(self) -> dict[str, Tensor]:
        x, fake, mask = self.draw()
        with self.autocast():
            loss = self.answer.loss(self.net, x, fake, mask)
        self.optimisers["net"].zero_grad()
        loss.backward()
        self.optimisers["net"].step()
        return {"loss": loss}

    def feed(self, net: nn.Module) -> None:
        net(self.draw()[0])

    def validate(self, net: nn.Module) -> dict[str, float]:
        return measure(net, self.answer, self.seen, self.validation, self.forgery, self.edit.get("validation"))


def labelled(kind: str, x: Tensor, at: Tensor, rng: torch.Generator,
             edit: Edit | None) -> tuple[Tensor, Tensor, Tensor]:
    """Real images and their forgeries, published alike: `[2n, 3, s, s]` in [0, 1], `[2n]`, `[2n, 1, s, s]`."""
    real, forged, mask = forge(kind, x, at, rng, edit)
    fake = torch.arange(2 * len(x), device=x.device) >= len(x)
    return publish(torch.cat([real, forged]), rng), fake.float(), torch.cat([torch.zeros_like(mask), mask])


@torch.no_grad()
def measure(net: nn.Module, answer: Answer, seen: Seen, faces: Faces, kind: str, edit: Edit | None) -> dict[str, float]:
    """Accuracy and area under the curve over each face once as it is and once forged, always in the same way; and where
    the network draws masks, the mean intersection over union with the true ones."""
    rng = torch.Generator(faces.images.device).manual_seed(2)
    margins, fakes, overlaps = [], [], []
    for at in torch.arange(len(faces), device=faces.images.device).split(64):
        x, fake, mask = labelled(kind, faces.images[at].float() / 255, at, rng, edit)
        out = net(seen(x))
        margins.append(answer.margin(out["y"]))
        fakes.append(fake.bool())
        if "mask" in out:
            found, true = out["mask"][fake.bool()] > 0.5, mask[fake.bool()] > 0.5
            union = (found | true).sum((1, 2, 3))
            overlaps.append((found & true).sum((1, 2, 3)) / union.clamp_min(1))
    margin, fake = torch.cat(margins), torch.cat(fakes)
    result = {"accuracy": round(((margin > 0) == fake).float().mean().item(), 4), "auc": round(auc(margin, fake), 4)}
    if overlaps:
        result["iou"] = round(torch.cat(overlaps).mean().item(), 4)
    return result


def auc(margin: Tensor, fake: Tensor) -> float:
    """The share of pairs of a fake and a real image that the margin orders rightly; ties count half."""
    real, forged = margin[~fake].sort().values, margin[fake].contiguous()
    below, upto = (torch.searchsorted(real, forged, right=right).double().mean() for right in (False, True))
    return ((below + upto) / 2 / len(real)).item()
