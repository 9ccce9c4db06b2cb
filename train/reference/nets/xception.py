"""Xception (arXiv 1610.02357) with the names of FaceForensics++ (arXiv 1901.08971)."""

from torch import nn


class Separable(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv1 = nn.Conv2d(i, i, 3, 1, 1, groups=i, bias=False)
        self.pointwise = nn.Conv2d(i, o, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.conv1(x))


class Block(nn.Module):
    def __init__(self, i, widths, stride=1, leading=True):
        super().__init__()
        rep, j = [], i
        for o in widths:
            rep += [nn.ReLU(), Separable(j, o), nn.BatchNorm2d(o)]
            j = o
        rep = rep if leading else rep[1:]
        if stride != 1:
            rep.append(nn.MaxPool2d(3, stride, 1))
            self.skip, self.skipbn = nn.Conv2d(i, j, 1, stride, bias=False), nn.BatchNorm2d(j)
        self.rep = nn.Sequential(*rep)

    def forward(self, x):
        skip = self.skipbn(self.skip(x)) if hasattr(self, "skip") else x
        return self.rep(x) + skip


class Xception(nn.Module):
    """`dropout` puts a module before the last layer, whose name then ends in `.1`."""

    def __init__(self, classes=2, width=1.0, dropout=False):
        super().__init__()
        a, b, c, d, e, f, g, h = (max(1, round(w * width)) for w in (32, 64, 128, 256, 728, 1024, 1536, 2048))
        self.conv1, self.bn1 = nn.Conv2d(3, a, 3, 2, bias=False), nn.BatchNorm2d(a)
        self.conv2, self.bn2 = nn.Conv2d(a, b, 3, bias=False), nn.BatchNorm2d(b)
        self.block1, self.block2, self.block3 = Block(b, (c, c), 2, False), Block(c, (d, d), 2), Block(d, (e, e), 2)
        for k in range(4, 12):
            setattr(self, f"block{k}", Block(e, (e, e, e)))
        self.block12 = Block(e, (e, f), 2)
        self.conv3, self.bn3 = Separable(f, g), nn.BatchNorm2d(g)
        self.conv4, self.bn4 = Separable(g, h), nn.BatchNorm2d(h)
        last = nn.Linear(h, classes)
        self.last_linear = nn.Sequential(nn.Dropout(), last) if dropout else last

    def forward(self, x):
        x = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        for k in range(1, 13):
            x = getattr(self, f"block{k}")(x)
        x = self.bn4(self.conv4(self.bn3(self.conv3(x)).relu())).relu()
        return {"y": self.last_linear(x.mean((2, 3)))}
