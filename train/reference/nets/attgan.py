"""AttGAN's generator (arXiv 1711.10678), with the names of its PyTorch port."""

import torch
from torch import nn

from .stargan import beside

MOST = 16


class Layers(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


class AttGAN(nn.Module):
    """`slope` is 0.01 in the port, 0.2 in the authors' TensorFlow."""

    def __init__(self, n=13, dim=64, depth=5, shortcut=1, inject=0, slope=0.01):
        super().__init__()
        self.shortcut, self.inject = shortcut, inject
        width = [dim * min(2**i, MOST) for i in range(depth)]
        self.enc_layers = nn.ModuleList(
            Layers(nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(slope))
            for i, o in zip([3] + width, width))
        layers, i = [], width[-1] + n
        for k in range(depth - 1):
            o = dim * min(2**(depth - 1 - k), MOST)
            layers.append(Layers(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()))
            i = o + (width[depth - 2 - k] if k < shortcut else 0) + (n if k < inject else 0)
        self.dec_layers = nn.ModuleList([*layers, Layers(nn.ConvTranspose2d(i, 3, 4, 2, 1), nn.Tanh())])

    def forward(self, x, c):
        features = []
        for layer in self.enc_layers:
            x = layer(x)
            features.append(x)
        z = beside(x, c)
        for k, layer in enumerate(self.dec_layers):
            z = layer(z)
            if k < self.shortcut:
                z = torch.cat([z, features[-2 - k].expand(len(c), -1, -1, -1)], 1)
            if k < self.inject:
                z = beside(z, c)
        return {"y": z}
