"""RetinaFace on MobileNet 0.25 in PyTorch, and the golden that moire-zoo is held to.

Usage: python train/reference/retinaface.py            writes crates/moire-zoo/tests/golden/retinaface.safetensors
       python train/reference/retinaface.py CHECKPOINT  loads the published checkpoint strictly, to show that the
                                                       layers are those of its authors

Weights and image are seeded (`seeded.py`), so that the golden holds answers and the weights' shapes alone. Answers are the offsets of boxes and landmarks from their priors in pixels, the scores, and the gradient of
mean(scores^2) + mean(boxes^2) / 1000 + mean(landmarks^2) / 1000 with respect to the image.

Sources: arXiv 1905.00641; biubug6/Pytorch_Retinaface. Needs torch, numpy, safetensors.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

import seeded

GOLDEN = Path(__file__).parents[2] / "crates/moire-zoo/tests/golden/retinaface.safetensors"
SEED = 7
HEIGHT, WIDTH = 42, 58
STEPS = (8, 16, 32)
SIDES = ((16, 32), (64, 128), (256, 512))


def conv(i: int, o: int, kernel: int, stride: int = 1, groups: int = 1, leaky: bool = True) -> list[nn.Module]:
    layers = [
        nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(o),
    ]
    return [*layers, nn.LeakyReLU(0.1)] if leaky else layers


def plain(*args, **options) -> nn.Sequential:
    return nn.Sequential(*conv(*args, **options))


def separable(i: int, o: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(*conv(i, i, 3, stride, groups=i), *conv(i, o, 1))


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = nn.Sequential(
            plain(3, 8, 3, 2),
            separable(8, 16),
            separable(16, 32, 2),
            separable(32, 32),
            separable(32, 64, 2),
            separable(64, 64),
        )
        self.stage2 = nn.Sequential(separable(64, 128, 2), *[separable(128, 128) for _ in range(5)])
        self.stage3 = nn.Sequential(separable(128, 256, 2), separable(256, 256))

    def forward(self, x: Tensor) -> list[Tensor]:
        one = self.stage1(x)
        two = self.stage2(one)
        return [one, two, self.stage3(two)]


class Pyramid(nn.Module):
    def __init__(self, width: int = 64):
        super().__init__()
        self.output1, self.output2, self.output3 = (plain(c, width, 1) for c in (64, 128, 256))
        self.merge1, self.merge2 = plain(width, width, 3), plain(width, width, 3)

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        one, two, three = self.output1(stages[0]), self.output2(stages[1]), self.output3(stages[2])
        two = self.merge2(two + F.interpolate(three, size=two.shape[2:], mode="nearest"))
        one = self.merge1(one + F.interpolate(two, size=one.shape[2:], mode="nearest"))
        return [one, two, three]


class Context(nn.Module):
    def __init__(self, width: int = 64):
        super().__init__()
        half, quarter = width // 2, width // 4
        self.conv3X3 = plain(width, half, 3, leaky=False)
        self.conv5X5_1 = plain(width, quarter, 3)
        self.conv5X5_2 = plain(quarter, quarter, 3, leaky=False)
        self.conv7X7_2 = plain(quarter, quarter, 3)
        self.conv7x7_3 = plain(quarter, quarter, 3, leaky=False)

    def forward(self, x: Tensor) -> Tensor:
        shared = self.conv5X5_1(x)
        parts = [self.conv3X3(x), self.conv5X5_2(shared), self.conv7x7_3(self.conv7X7_2(shared))]
        return F.relu(torch.cat(parts, 1))


class Head(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.conv1x1 = nn.Conv2d(64, 2 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(-1, self.width)


class RetinaFace(nn.Module):
    """From x [1, 3, h, w], RGB in [0, 1], to offsets of boxes [n, 4] and landmarks [n, 10] in pixels, and scores [n]."""

    def __init__(self):
        super().__init__()
        self.body, self.fpn = Body(), Pyramid()
        self.ssh1, self.ssh2, self.ssh3 = Context(), Context(), Context()
        self.ClassHead = nn.ModuleList(Head(2) for _ in STEPS)
        self.BboxHead = nn.ModuleList(Head(4) for _ in STEPS)
        self.LandmarkHead = nn.ModuleList(Head(10) for _ in STEPS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        bgr = 255 * x.flip(1) - torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
        levels = self.fpn(self.body(bgr))
        features = [ssh(level) for ssh, level in zip([self.ssh1, self.ssh2, self.ssh3], levels)]
        sides = torch.cat([self.sides(f, s) for f, s in zip(features, SIDES)])
        boxes, classes, landmarks = (
            torch.cat([head(f) for head, f in zip(heads, features)])
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        middle, half = 0.1 * boxes[:, :2] * sides, 0.5 * sides * torch.exp(0.2 * boxes[:, 2:])
        offsets = torch.cat([middle - half + 0.5 * sides, middle + half - 0.5 * sides], 1)
        return offsets, classes.softmax(1)[:, 1], 0.1 * landmarks * sides

    @staticmethod
    def sides(features: Tensor, sides: tuple[int, int]) -> Tensor:
        cells = features.shape[2] * features.shape[3]
        return torch.tensor(sides, dtype=torch.float32).repeat(cells).view(-1, 1)


def made(name: str, shape: torch.Size) -> Tensor:
    """As every golden's weights, the heads' a thousandth of that: the exponential of a size must stay small."""
    tensor = torch.from_numpy(seeded.tensor(SEED, name, tuple(shape)))
    return tensor * np.float32(1e-3) if "Head" in name else tensor


def golden() -> None:
    network = RetinaFace().eval()
    state = {k: made(k, v.shape) for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    network.load_state_dict(state, strict=False)
    x = torch.from_numpy(seeded.uniform(SEED, "x", (1, 3, HEIGHT, WIDTH), 0.0, 1.0)).requires_grad_()
    boxes, scores, landmarks = network(x)
    loss = scores.square().mean() + 1e-3 * (boxes.square().mean() + landmarks.square().mean())
    loss.backward()
    outputs = {"boxes": boxes, "scores": scores, "landmarks": landmarks, "gradient": x.grad}
    GOLDEN.parent.mkdir(exist_ok=True)
    weights = {k: list(v.shape) for k, v in state.items()}
    outputs = {k: v.detach().contiguous() for k, v in outputs.items()}
    save_file(outputs, GOLDEN, metadata={"weights": json.dumps(weights)})
    GOLDEN.chmod(0o644)
    for name, v in outputs.items():
        print(name, tuple(v.shape), "largest", v.abs().max().item())
    print("parameters", sum(p.numel() for p in network.parameters()))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
        RetinaFace().load_state_dict({k.removeprefix("module."): v for k, v in state.items()}, strict=True)
        print("every tensor is there and none is left over")
    else:
        golden()
