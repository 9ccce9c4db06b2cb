"""U-GAT-IT's generator (arXiv 1907.10830), with the names of the authors' PyTorch code."""

import torch
from torch import nn


def conv(i, o, kernel, stride=1):
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(i, o, kernel, stride, bias=False)]


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.conv_block = nn.Sequential(*conv(d, d, 3), nn.InstanceNorm2d(d), nn.ReLU(), *conv(d, d, 3),
                                        nn.InstanceNorm2d(d))

    def forward(self, x):
        return x + self.conv_block(x)


class LayerInstanceNorm(nn.Module):
    """rho IN + (1 - rho) LN, unbiased variances; scale and shift are its own, or given."""

    def __init__(self, d, own):
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, d, 1, 1), 0.0 if own else 0.9))
        if own:
            self.gamma, self.beta = nn.Parameter(torch.ones(1, d, 1, 1)), nn.Parameter(torch.zeros(1, d, 1, 1))

    def forward(self, x, gamma=None, beta=None):
        def norm(dims):
            var, mean = torch.var_mean(x, dims, keepdim=True)
            return (x - mean) / torch.sqrt(var + 1e-5)

        y = self.rho * norm((2, 3)) + (1 - self.rho) * norm((1, 2, 3))
        if gamma is None:
            return y * self.gamma + self.beta
        return y * gamma[:, :, None, None] + beta[:, :, None, None]


class AdaptiveResidual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.norm1 = nn.Conv2d(d, d, 3, bias=False), LayerInstanceNorm(d, False)
        self.conv2, self.norm2 = nn.Conv2d(d, d, 3, bias=False), LayerInstanceNorm(d, False)

    def forward(self, x, gamma, beta):
        y = self.norm1(self.conv1(self.pad(x)), gamma, beta).relu()
        return self.norm2(self.conv2(self.pad(y)), gamma, beta) + x


class UGATIT(nn.Module):
    def __init__(self, ch=64, blocks=4, light=True, size=256):
        super().__init__()
        d, self.light, self.blocks = 4 * ch, light, blocks
        self.DownBlock = nn.Sequential(
            *conv(3, ch, 7), nn.InstanceNorm2d(ch), nn.ReLU(), *conv(ch, 2 * ch, 3, 2), nn.InstanceNorm2d(2 * ch),
            nn.ReLU(), *conv(2 * ch, d, 3, 2), nn.InstanceNorm2d(d), nn.ReLU(), *(Residual(d) for _ in range(blocks)))
        self.gap_fc, self.gmp_fc = nn.Linear(d, 1, bias=False), nn.Linear(d, 1, bias=False)
        self.conv1x1 = nn.Conv2d(2 * d, d, 1)
        inputs = d if light else d * (size // 4) ** 2
        self.FC = nn.Sequential(nn.Linear(inputs, d, bias=False), nn.ReLU(), nn.Linear(d, d, bias=False), nn.ReLU())
        self.gamma, self.beta = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        for k in range(1, blocks + 1):
            setattr(self, f"UpBlock1_{k}", AdaptiveResidual(d))
        self.UpBlock2 = nn.Sequential(
            nn.Upsample(scale_factor=2), *conv(d, d // 2, 3), LayerInstanceNorm(d // 2, True), nn.ReLU(),
            nn.Upsample(scale_factor=2), *conv(d // 2, ch, 3), LayerInstanceNorm(ch, True), nn.ReLU(),
            *conv(ch, 3, 7), nn.Tanh())

    def forward(self, x):
        return {"y": self.decode(self.DownBlock(x))}

    def decode(self, x):
        """The image of the features that `DownBlock` finds, between whose channels the attention decides."""
        parts = [x * fc.weight[:, :, None, None] for fc in (self.gap_fc, self.gmp_fc)]
        x = self.conv1x1(torch.cat(parts, 1)).relu()
        s = self.FC(x.mean((2, 3)) if self.light else x.flatten(1))
        gamma, beta = self.gamma(s), self.beta(s)
        for k in range(1, self.blocks + 1):
            x = getattr(self, f"UpBlock1_{k}")(x, gamma, beta)
        return self.UpBlock2(x)
