"""The Y-shaped autoencoder (arXiv 1906.06876) and ForensicTransfer (arXiv 1812.02510).

The official checkpoints of the first hold its encoder and its decoder in two files; here they are one state dict.
"""

import torch
from torch import nn

ENCODER = [(8, 1), (8, 2), (16, 1), (16, 2), (32, 1), (32, 2), (64, 1), (64, 2), (128, 1)]
SHARED = [(64, 1), (64, 2), (32, 1), (32, 2)]
BRANCH = [(16, 1), (16, 2), (8, 1), (8, 2)]
SHALLOW = [(8, 1), (16, 2), (32, 2), (64, 2), (128, 2)]


def encoder(layers):
    modules, i = [], 3
    for o, stride in layers:
        modules += [nn.Conv2d(i, o, 3, stride, 1), nn.BatchNorm2d(o), nn.ReLU()]
        i = o
    return nn.Sequential(*modules)


def decoder(i, layers, *last):
    modules = []
    for o, stride in layers:
        modules += [nn.ConvTranspose2d(i, o, 3, stride, 1, stride - 1), nn.BatchNorm2d(o), nn.ReLU()]
        i = o
    return nn.Sequential(*modules, *last)


def select_zone(latent, zone=None):
    """The latent with one zone set to zero, and the energies of both: fake, real. `zone` says which stays (0 fake, 1
    real), as in training; where it is `None`, the larger."""
    half = latent.shape[1] // 2
    y = torch.stack([latent[:, :half].abs().mean((1, 2, 3)), latent[:, half:].abs().mean((1, 2, 3))], 1)
    real = y[:, 1] >= y[:, 0] if zone is None else zone == 1
    real = real.float()[:, None, None, None]
    return torch.cat([latent[:, :half] * (1 - real), latent[:, half:] * real], 1), y


class YNet(nn.Module):
    """`segmenter=False` is "Deeper FT"."""

    def __init__(self, segmenter=True):
        super().__init__()
        self.encoder = encoder(ENCODER)
        self.shared = decoder(128, SHARED)
        if segmenter:
            self.segmenter = decoder(32, BRANCH, nn.ConvTranspose2d(8, 2, 3, 1, 1), nn.Softmax(1))
        self.decoder = decoder(32, BRANCH, nn.ConvTranspose2d(8, 3, 3, 1, 1), nn.Tanh())

    def forward(self, x, zone=None):
        chosen, y = select_zone(self.encoder(x), zone)
        shared = self.shared(chosen)
        out = {"y": y, "reconstruction": self.decoder(shared)}
        if hasattr(self, "segmenter"):
            out["mask"] = self.segmenter(shared)[:, 1:]
        return out


class ForensicTransfer(nn.Module):
    """`residual` puts fixed third-order derivatives, along rows and along columns of each colour, before the encoder
    ("FT Res")."""

    def __init__(self, residual=False):
        super().__init__()
        self.encoder = encoder(SHALLOW)
        if residual:
            self.residual = nn.Conv2d(3, 6, 5, padding=2, groups=3, bias=False)
            row = torch.zeros(5, 5)
            row[2, 1:] = torch.tensor([1.0, -3.0, 3.0, -1.0])
            self.residual.weight.data = torch.stack([row, row.T] * 3)[:, None]
            self.residual.weight.requires_grad_(False)
            self.encoder[0] = nn.Conv2d(6, 8, 3, 1, 1)
        modules, i = [], 128
        for o in (64, 32, 16, 8):
            modules += [nn.Upsample(scale_factor=2), nn.Conv2d(i, o, 3, 1, 1), nn.BatchNorm2d(o), nn.ReLU()]
            i = o
        self.decoder = nn.Sequential(*modules, nn.Conv2d(8, 3, 3, 1, 1), nn.Tanh())

    def forward(self, x, zone=None):
        if hasattr(self, "residual"):
            x = self.residual(x)
        chosen, y = select_zone(self.encoder(x), zone)
        return {"y": y, "reconstruction": self.decoder(chosen)}
