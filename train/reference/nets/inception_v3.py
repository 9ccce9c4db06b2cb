"""Inception-v3 (arXiv 1512.00567) with torchvision's names, without the auxiliary head."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, max_pool2d


class BasicConv2d(nn.Module):
    def __init__(self, i, o, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(i, o, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(o, eps=1e-3)

    def forward(self, x):
        return self.bn(self.conv(x)).relu()


class Mixed(nn.Module):
    """Named convolutions; `width` narrows all of them."""

    def __init__(self, width):
        super().__init__()
        self.w = lambda o: max(1, round(o * width))

    def add(self, name, i, o, kernel=1, stride=1, padding=0):
        setattr(self, name, BasicConv2d(i, self.w(o), kernel, stride, padding))
        return self.w(o)

    def chain(self, x, *names):
        for name in names:
            x = getattr(self, name)(x)
        return x


class InceptionA(Mixed):
    def __init__(self, i, pool, width):
        super().__init__(width)
        o = self.add("branch1x1", i, 64)
        o += self.add("branch5x5_2", self.add("branch5x5_1", i, 48), 64, 5, 1, 2)
        t = self.add("branch3x3dbl_2", self.add("branch3x3dbl_1", i, 64), 96, 3, 1, 1)
        o += self.add("branch3x3dbl_3", t, 96, 3, 1, 1)
        self.out = o + self.add("branch_pool", i, pool)

    def forward(self, x):
        return torch.cat([self.branch1x1(x), self.chain(x, "branch5x5_1", "branch5x5_2"),
                          self.chain(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
                          self.branch_pool(avg_pool2d(x, 3, 1, 1))], 1)


class InceptionB(Mixed):
    def __init__(self, i, width):
        super().__init__(width)
        o = self.add("branch3x3", i, 384, 3, 2)
        t = self.add("branch3x3dbl_2", self.add("branch3x3dbl_1", i, 64), 96, 3, 1, 1)
        self.out = o + self.add("branch3x3dbl_3", t, 96, 3, 2) + i

    def forward(self, x):
        return torch.cat([self.branch3x3(x), self.chain(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
                          max_pool2d(x, 3, 2)], 1)


class InceptionC(Mixed):
    def __init__(self, i, c, width):
        super().__init__(width)
        row, column = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
        o = self.add("branch1x1", i, 192)
        t = self.add("branch7x7_2", self.add("branch7x7_1", i, c), c, *row)
        o += self.add("branch7x7_3", t, 192, *column)
        t = self.add("branch7x7dbl_2", self.add("branch7x7dbl_1", i, c), c, *column)
        t = self.add("branch7x7dbl_4", self.add("branch7x7dbl_3", t, c, *row), c, *column)
        o += self.add("branch7x7dbl_5", t, 192, *row)
        self.out = o + self.add("branch_pool", i, 192)

    def forward(self, x):
        return torch.cat([self.branch1x1(x), self.chain(x, "branch7x7_1", "branch7x7_2", "branch7x7_3"),
                          self.chain(x, *(f"branch7x7dbl_{k}" for k in range(1, 6))),
                          self.branch_pool(avg_pool2d(x, 3, 1, 1))], 1)


class InceptionD(Mixed):
    def __init__(self, i, width):
        super().__init__(width)
        o = self.add("branch3x3_2", self.add("branch3x3_1", i, 192), 320, 3, 2)
        t = self.add("branch7x7x3_2", self.add("branch7x7x3_1", i, 192), 192, (1, 7), 1, (0, 3))
        t = self.add("branch7x7x3_3", t, 192, (7, 1), 1, (3, 0))
        self.out = o + self.add("branch7x7x3_4", t, 192, 3, 2) + i

    def forward(self, x):
        return torch.cat([self.chain(x, "branch3x3_1", "branch3x3_2"),
                          self.chain(x, *(f"branch7x7x3_{k}" for k in range(1, 5))), max_pool2d(x, 3, 2)], 1)


class InceptionE(Mixed):
    def __init__(self, i, width):
        super().__init__(width)
        row, column = ((1, 3), 1, (0, 1)), ((3, 1), 1, (1, 0))
        o = self.add("branch1x1", i, 320)
        t = self.add("branch3x3_1", i, 384)
        o += self.add("branch3x3_2a", t, 384, *row) + self.add("branch3x3_2b", t, 384, *column)
        t = self.add("branch3x3dbl_2", self.add("branch3x3dbl_1", i, 448), 384, 3, 1, 1)
        o += self.add("branch3x3dbl_3a", t, 384, *row) + self.add("branch3x3dbl_3b", t, 384, *column)
        self.out = o + self.add("branch_pool", i, 192)

    def forward(self, x):
        three, double = self.branch3x3_1(x), self.chain(x, "branch3x3dbl_1", "branch3x3dbl_2")
        return torch.cat([self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three),
                          self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double),
                          self.branch_pool(avg_pool2d(x, 3, 1, 1))], 1)


class InceptionV3(Mixed):
    def __init__(self, classes=2, width=1.0):
        super().__init__(width)
        i = self.add("Conv2d_2a_3x3", self.add("Conv2d_1a_3x3", 3, 32, 3, 2), 32, 3)
        i = self.add("Conv2d_2b_3x3", i, 64, 3, 1, 1)
        i = self.add("Conv2d_4a_3x3", self.add("Conv2d_3b_1x1", i, 80), 192, 3)
        modules = [("5b", InceptionA, 32), ("5c", InceptionA, 64), ("5d", InceptionA, 64), ("6a", InceptionB),
                   ("6b", InceptionC, 128), ("6c", InceptionC, 160), ("6d", InceptionC, 160), ("6e", InceptionC, 192),
                   ("7a", InceptionD), ("7b", InceptionE), ("7c", InceptionE)]
        self.mixed = [f"Mixed_{name}" for name, *_ in modules]
        for name, kind, *args in modules:
            module = kind(i, *args, width)
            setattr(self, f"Mixed_{name}", module)
            i = module.out
        self.fc = nn.Linear(i, classes)

    def forward(self, x):
        x = max_pool2d(self.chain(x, "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"), 3, 2)
        x = max_pool2d(self.chain(x, "Conv2d_3b_1x1", "Conv2d_4a_3x3"), 3, 2)
        return {"y": self.fc(self.chain(x, *self.mixed).mean((2, 3)))}
