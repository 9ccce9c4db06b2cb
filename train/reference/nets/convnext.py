"""ConvNeXt (arXiv 2201.03545), T unless made narrower, with timm's names."""

import torch
from torch import nn


class Norm(nn.LayerNorm):
    """Along the channels of each pixel."""

    def __init__(self, width):
        super().__init__(width, eps=1e-6)

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x.movedim(1, -1)))).movedim(-1, 1)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv_dw = nn.Conv2d(width, width, 7, 1, 3, groups=width)
        self.norm, self.mlp = Norm(width), Mlp(width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x + self.mlp(self.norm(self.conv_dw(x))) * self.gamma[:, None, None]


class Stage(nn.Module):
    def __init__(self, i, width, count):
        super().__init__()
        self.downsample = nn.Sequential(Norm(i), nn.Conv2d(i, width, 2, 2)) if i else nn.Identity()
        self.blocks = nn.Sequential(*(Block(width) for _ in range(count)))

    def forward(self, x):
        return self.blocks(self.downsample(x))


class Head(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.norm, self.fc = Norm(width), nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.norm(x.mean((2, 3))))


class ConvNeXt(nn.Module):
    def __init__(self, classes=2, width=96, blocks=(3, 3, 9, 3)):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 4, 4), Norm(width))
        stages, i = [], 0
        for stage, count in enumerate(blocks):
            stages.append(Stage(i, width * 2**stage, count))
            i = width * 2**stage
        self.stages = nn.Sequential(*stages)
        self.head = Head(i, classes)

    def forward(self, x):
        return {"y": self.head(self.stages(self.stem(x)))}
