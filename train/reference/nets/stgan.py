"""STGAN's generator (arXiv 1904.09709) in both published forms, under the names of the PyTorch port.

`authors` is the TensorFlow form: biases instead of batch norm in the units, the condition beside every layer of the
decoder, eps 1e-3, one transposed convolution at the end.
"""

import torch
from torch import nn

from .stargan import beside


def up(i, o, *rest, bias=False):
    return nn.Sequential(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=bias), *rest)


class Unit(nn.Module):
    def __init__(self, n, width, authors):
        super().__init__()

        def gate(act):
            norm = [] if authors else [nn.BatchNorm2d(width)]
            return nn.Sequential(nn.Conv2d(2 * width, width, 3, 1, 1, bias=authors), *norm, act)

        self.upsample = nn.ConvTranspose2d(2 * width + n, width, 4, 2, 1, bias=authors)
        self.reset_gate, self.update_gate, self.hidden = gate(nn.Sigmoid()), gate(nn.Sigmoid()), gate(nn.Tanh())

    def forward(self, skip, state, c):
        hat = self.upsample(beside(state, c))
        skip = skip.expand(len(c), -1, -1, -1)
        both = torch.cat([skip, hat], 1)
        reset, update = self.reset_gate(both), self.update_gate(both)
        state = reset * hat
        return (1 - update) * hat + update * self.hidden(torch.cat([skip, state], 1)), state


class STGAN(nn.Module):
    def __init__(self, n=10, dim=64, depth=5, units=3, authors=False, more=True, last_bias=False):
        super().__init__()
        self.units, self.authors = units, authors
        eps, width = 1e-3 if authors else 1e-5, [dim * 2**i for i in range(depth)]
        self.encoder = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o, eps=eps), nn.LeakyReLU(0.2))
            for i, o in zip([3] + width, width))
        self.stu = nn.ModuleList(Unit(n, width[depth - 2 - k], authors) for k in range(units))
        layers, i = [], width[-1] + n
        for k in range(depth - 1):
            o = width[depth - 1 - k]
            layers.append(up(i, o, nn.BatchNorm2d(o, eps=eps), nn.ReLU()))
            i = o + (width[depth - 2 - k] if k < units else 0) + (n if authors else 0)
        if more:
            o = dim // 4
            layers.append(up(i, o, nn.BatchNorm2d(o, eps=eps), nn.ReLU(),
                             nn.ConvTranspose2d(o, 3, 3, 1, 1, bias=last_bias), nn.Tanh()))
        else:
            layers.append(up(i, 3, nn.Tanh(), bias=last_bias))
        self.decoder = nn.ModuleList(layers)

    def forward(self, x, c):
        features = []
        for layer in self.encoder:
            x = layer(x)
            features.append(x)
        state, z = x, beside(x, c)
        for k, layer in enumerate(self.decoder[:-1]):
            z = layer(z)
            if k < self.units:
                out, state = self.stu[k](features[-2 - k], state, c)
                z = torch.cat([z, out], 1)
            if self.authors:
                z = beside(z, c)
        return {"y": self.decoder[-1](z)}
