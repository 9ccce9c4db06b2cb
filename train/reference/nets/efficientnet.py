"""EfficientNet (arXiv 1905.11946), B4 unless made narrower, with timm's names."""

from torch import nn

# Blocks, kernel, stride, width.
STAGES = [(2, 3, 1, 24), (4, 3, 2, 32), (4, 5, 2, 56), (6, 3, 2, 112), (6, 5, 1, 160), (8, 5, 2, 272), (2, 3, 1, 448)]


class Squeeze(nn.Module):
    def __init__(self, width, squeezed):
        super().__init__()
        self.conv_reduce, self.conv_expand = nn.Conv2d(width, squeezed, 1), nn.Conv2d(squeezed, width, 1)

    def forward(self, x):
        s = nn.functional.silu(self.conv_reduce(x.mean((2, 3), keepdim=True)))
        return x * self.conv_expand(s).sigmoid()


class Block(nn.Module):
    def __init__(self, i, o, kernel, stride, first):
        super().__init__()
        inside = i if first else 6 * i
        norms = [nn.BatchNorm2d(inside), nn.BatchNorm2d(o)]
        if not first:
            self.conv_pw = nn.Conv2d(i, inside, 1, bias=False)
            norms.insert(0, nn.BatchNorm2d(inside))
        self.conv_dw = nn.Conv2d(inside, inside, kernel, stride, kernel // 2, groups=inside, bias=False)
        self.se = Squeeze(inside, max(1, i // 4))
        setattr(self, "conv_pw" if first else "conv_pwl", nn.Conv2d(inside, o, 1, bias=False))
        for k, norm in enumerate(norms, 1):
            setattr(self, f"bn{k}", norm)
        self.first, self.skip = first, stride == 1 and i == o

    def forward(self, x):
        silu = nn.functional.silu
        if self.first:
            y = self.bn2(self.conv_pw(self.se(silu(self.bn1(self.conv_dw(x))))))
        else:
            y = silu(self.bn1(self.conv_pw(x)))
            y = self.bn3(self.conv_pwl(self.se(silu(self.bn2(self.conv_dw(y))))))
        return y + x if self.skip else y


class EfficientNet(nn.Module):
    def __init__(self, classes=2, width=1.0, depth=None):
        super().__init__()
        scaled = lambda n: max(4, round(n * width))
        i = scaled(48)
        self.conv_stem, self.bn1 = nn.Conv2d(3, i, 3, 2, 1, bias=False), nn.BatchNorm2d(i)
        stages = []
        for stage, (count, kernel, stride, o) in enumerate(STAGES):
            blocks = []
            for block in range(depth or count):
                blocks.append(Block(i, scaled(o), kernel, stride if block == 0 else 1, stage == 0))
                i = scaled(o)
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        head = scaled(1792)
        self.conv_head, self.bn2 = nn.Conv2d(i, head, 1, bias=False), nn.BatchNorm2d(head)
        self.classifier = nn.Linear(head, classes)

    def forward(self, x):
        x = nn.functional.silu(self.bn1(self.conv_stem(x)))
        x = nn.functional.silu(self.bn2(self.conv_head(self.blocks(x))))
        return {"y": self.classifier(x.mean((2, 3)))}
