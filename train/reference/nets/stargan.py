"""StarGAN's generator (arXiv 1711.09020). Instance norm by each image's own statistics, always."""

import torch
from torch import nn


def norm(channels):
    return nn.InstanceNorm2d(channels, affine=True)


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(d, d, 3, 1, 1, bias=False), norm(d), nn.ReLU(),
                                  nn.Conv2d(d, d, 3, 1, 1, bias=False), norm(d))

    def forward(self, x):
        return x + self.main(x)


class StarGAN(nn.Module):
    def __init__(self, c_dim=5, dim=64, blocks=6):
        super().__init__()
        layers = [nn.Conv2d(3 + c_dim, dim, 7, 1, 3, bias=False), norm(dim), nn.ReLU()]
        for _ in range(2):
            layers += [nn.Conv2d(dim, 2 * dim, 4, 2, 1, bias=False), norm(2 * dim), nn.ReLU()]
            dim *= 2
        layers += [Residual(dim) for _ in range(blocks)]
        for _ in range(2):
            layers += [nn.ConvTranspose2d(dim, dim // 2, 4, 2, 1, bias=False), norm(dim // 2), nn.ReLU()]
            dim //= 2
        self.main = nn.Sequential(*layers, nn.Conv2d(dim, 3, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, x, c):
        return {"y": self.main(beside(x, c))}


def beside(x, c):
    """`x` [1 or k, ..] beside the condition `c` [k, n], the same at every pixel."""
    return torch.cat([x.expand(len(c), -1, -1, -1), c[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
