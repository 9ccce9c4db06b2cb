"""Meso-4 and MesoInception-4 (arXiv 1809.00888). Published as Keras weights: ReLU before batch norm, eps 1e-3."""

import torch
from torch import nn


def conv(i, o, kernel, dilation=1):
    return nn.Conv2d(i, o, kernel, padding=dilation * (kernel - 1) // 2, dilation=dilation)


class Inception(nn.Module):
    """1x1 | 1x1, 3x3 | 1x1, 3x3 dilated by 2 | 1x1, 3x3 dilated by 3; ReLU after every convolution."""

    def __init__(self, i, widths):
        super().__init__()
        a, b, c, d = widths
        self.layers = nn.ModuleList([conv(i, a, 1), conv(i, b, 1), conv(b, b, 3), conv(i, c, 1), conv(c, c, 3, 2),
                                     conv(i, d, 1), conv(d, d, 3, 3)])

    def forward(self, x):
        one, *pairs = self.layers
        parts = [one(x).relu()]
        for narrow, wide in zip(pairs[::2], pairs[1::2]):
            parts.append(wide(narrow(x).relu()).relu())
        return torch.cat(parts, 1)


class MesoNet(nn.Module):
    """Blocks of convolution, ReLU, batch norm, max pool; two dense layers. `inception` replaces the first two."""

    def __init__(self, inception, size=256):
        super().__init__()
        self.inception = inception
        if inception:
            self.convs = nn.ModuleList([Inception(3, (1, 4, 4, 2)), Inception(11, (2, 4, 4, 2)), conv(12, 16, 5),
                                        conv(16, 16, 5)])
            widths = [11, 12, 16, 16]
        else:
            self.convs = nn.ModuleList([conv(3, 8, 3), conv(8, 8, 5), conv(8, 16, 5), conv(16, 16, 5)])
            widths = [8, 8, 16, 16]
        self.norms = nn.ModuleList(nn.BatchNorm2d(w, eps=1e-3) for w in widths)
        self.dense = nn.ModuleList([nn.Linear(16 * (size // 32) ** 2, 16), nn.Linear(16, 1)])

    def forward(self, x):
        for conv, norm, pool in zip(self.convs, self.norms, (2, 2, 2, 4)):
            x = conv(x)
            x = norm(x if isinstance(conv, Inception) else x.relu())
            x = nn.functional.max_pool2d(x, pool)
        # Keras flattens rows, columns, channels.
        x = x.permute(0, 2, 3, 1).flatten(1)
        x = nn.functional.leaky_relu(self.dense[0](x), 0.1)
        return {"y": self.dense[1](x)}

    def keras(self):
        """The modules by Keras' layer names."""
        convs = [c for conv in self.convs for c in (conv.layers if isinstance(conv, Inception) else [conv])]
        first, norm, dense = (1, 1, 1) if self.inception else (5, 5, 3)
        named = {f"conv2d_{first + i}": c for i, c in enumerate(convs)}
        named |= {f"batch_normalization_{norm + i}": n for i, n in enumerate(self.norms)}
        named |= {f"dense_{dense + i}": d for i, d in enumerate(self.dense)}
        return named
