"""Hold `moire eval onnx:FILE` to PyTorch: outputs and input gradients of exported architectures.

Usage: python checks/parity_onnx.py [--moire MOIRE] [--keep FOLDER] [--exporter NAME] [NAME ..]
(`make parity-onnx` installs what it needs)

Weights are random and seeded, norms, layer scales and heads included, so that nothing is multiplied by zero. Each
network is exported by both of torch.onnx's exporters: TorchScript's with a dynamic batch, dynamo's with a fixed one.

The reference is PyTorch in double precision. Of a rectifier that stands within rounding of its kink the two sides are
other gradients, and a deep network has some. So batch norms are seeded to keep rectifiers off their kinks, each
distance is the median of three images, and PyTorch's own single precision is shown beside moire's. Prints one table,
and fails where a distance of moire's exceeds 1e-3 or, where PyTorch's own does too, twice that.
"""

import argparse
import copy
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn

LIMIT = 1e-3


class Editor(nn.Module):
    """An encoder-decoder with what image editors use: reflection, instance norm, both kinds of upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, 16, 7), nn.InstanceNorm2d(16, affine=True), nn.ReLU(),
            nn.Conv2d(16, 32, 4, 2, 1), nn.GroupNorm(4, 32), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 32, 3, 2, 1), nn.PReLU(32),
            nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ELU(),
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(32, 12, 3, 1, 1), nn.Hardswish(),
            nn.PixelShuffle(2), nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(3, 3, 7, 1, 3), nn.Tanh(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def vision(name: str, **options: object) -> nn.Module:
    return torchvision.models.get_model(name, weights=None, **options)


# Name, height and width, constructor.
ARCHITECTURES = [
    ("resnet18", 224, lambda: vision("resnet18")),
    ("resnet50", 224, lambda: timm.create_model("resnet50")),
    ("resnext50_32x4d", 224, lambda: vision("resnext50_32x4d")),
    ("densenet121", 224, lambda: vision("densenet121")),
    ("inception_v3", 299, lambda: vision("inception_v3", init_weights=False)),
    ("legacy_xception", 299, lambda: timm.create_model("legacy_xception")),
    ("efficientnet_b0", 224, lambda: vision("efficientnet_b0")),
    ("efficientnet_b4", 320, lambda: timm.create_model("efficientnet_b4")),
    ("tf_efficientnet_b0", 224, lambda: timm.create_model("tf_efficientnet_b0")),
    ("mobilenetv3_large_100", 224, lambda: timm.create_model("mobilenetv3_large_100")),
    ("regnetx_004", 224, lambda: timm.create_model("regnetx_004")),
    ("regnet_y_400mf", 224, lambda: vision("regnet_y_400mf")),
    ("convnext_tiny", 224, lambda: timm.create_model("convnext_tiny")),
    ("vit_tiny_patch16_224", 224, lambda: timm.create_model("vit_tiny_patch16_224")),
    ("vit_b_16", 224, lambda: vision("vit_b_16")),
    ("vit_base_patch32_clip_224", 224, lambda: timm.create_model("vit_base_patch32_clip_224")),
    ("swin_tiny_patch4_window7_224", 224, lambda: timm.create_model("swin_tiny_patch4_window7_224")),
    ("swin_t", 224, lambda: vision("swin_t")),
    ("maxvit_t", 224, lambda: vision("maxvit_t", input_size=(224, 224))),
    ("editor", 128, Editor),
]


def network(make: Callable[[], nn.Module], size: int) -> nn.Module:
    """A network in evaluation mode whose every weight is random, its batch norms fitted to random images."""
    torch.manual_seed(0)
    net = make().train()
    with torch.no_grad():
        for name, value in net.named_parameters():
            if value.ndim == 1 and name.endswith(("weight", "gamma")):
                value.uniform_(0.5, 1.5)
            elif value.ndim == 1:
                value.normal_(0, 0.1)
            elif not value.any():
                value.normal_(0, 0.02)
        norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.weight.uniform_(0.1, 0.2)
            scale = torch.where(torch.rand(norm.bias.shape) < 0.7, 1.0, -0.5)
            norm.bias.copy_(scale * norm.bias.uniform_(0.9, 1.1))
        if norms:
            net(torch.rand(4, 3, size, size))
    return net.eval()


def export(net: nn.Module, x: torch.Tensor, exporter: str, path: Path) -> None:
    names = {"input_names": ["input"], "output_names": ["output"]}
    if exporter == "dynamo":
        torch.onnx.export(net, (x,), path, dynamo=True, verbose=False, **names)
    else:
        torch.onnx.export(net, (x,), path, dynamo=False, dynamic_axes={"input": {0: "batch"}}, **names)


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The relative L2 distance of the median image."""
    pairs = zip(found.double().flatten(1), expected.flatten(1))
    return median(((f - e).norm() / e.norm()).item() for f, e in pairs)


def answers(net: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """y, and d mean(y^2) / dx."""
    x = x.clone().requires_grad_()
    y = net(x)
    (grad,) = torch.autograd.grad(y.square().mean(), x)
    return y.detach(), grad


def evaluated(moire: Path, x: torch.Tensor, file: Path, folder: Path) -> tuple[torch.Tensor, torch.Tensor, float]:
    """The same by moire, and the seconds that it took."""
    given, made = folder / "x.safetensors", folder / "y.safetensors"
    save_file({"x": x}, given)
    started = time.perf_counter()
    command = [moire, "eval", f"onnx:{file}", "--input", given, "--grad", "--out", made]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    seconds = time.perf_counter() - started
    answer = load_file(made)
    return answer["y"], answer["grad"], seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moire", type=Path, default=Path(__file__).parent.parent / "target/release/moire")
    parser.add_argument("--keep", type=Path, help="keep the exported files here, and use those that are there")
    parser.add_argument("--exporter", choices=["dynamo", "torchscript"], help="this one alone")
    parser.add_argument("names", nargs="*", help="these architectures alone")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)

    failed = 0
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}")
    print(f"{'network':30} {'exporter':12} {'y':>9} {'gradient':>9} {'seconds':>8}")
    for name, size, make in ARCHITECTURES:
        if args.names and name not in args.names:
            continue
        net = network(make, size)
        x = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(1))
        single = answers(net, x)
        expected = answers(copy.deepcopy(net).double(), x.double())
        own = [distance(s, e) for s, e in zip(single, expected)]
        print(f"{name:30} {'(PyTorch)':12} {own[0]:9.1e} {own[1]:9.1e}")
        for exporter in [args.exporter] if args.exporter else ["torchscript", "dynamo"]:
            with tempfile.TemporaryDirectory() as folder:
                file = (args.keep or Path(folder)) / f"{name}.{exporter}.onnx"
                try:
                    if not file.exists():
                        file.parent.mkdir(parents=True, exist_ok=True)
                        export(net, x[:1], exporter, file)
                    *found, seconds = evaluated(args.moire, x, file, Path(folder))
                except Exception as error:  # one network must not end the table
                    print(f"{'':30} {exporter:12} failed: {error}", flush=True)
                    failed += 1
                    continue
            y, grad = (distance(f, e) for f, e in zip(found, expected))
            bad = not (y <= LIMIT and grad <= max(LIMIT, 2 * own[1]))
            failed += bad
            print(f"{'':30} {exporter:12} {y:9.1e} {grad:9.1e} {seconds:8.1f}{'  TOO FAR' * bad}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
