"""Writes PyTorch's outputs and input gradients on seeded images and weights, one safetensors file a network.

    python make_goldens.py [--published] [--out DIR] [NAME ..]

Without --published, the narrow networks whose files are in the repository. A file holds of each output, and of `grad`,
d mean(y^2) / dx, every number where there are few, else every s-th; its metadata holds the tensors' names and shapes,
from which `seeded.py` and `Loader::random` make the same weights.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.numpy import save

import seeded
from cases import NARROW, PUBLISHED
from nets.mesonet import MesoNet

SEED = 7
KEPT = 2048


def fill(net, draw):
    """Sets every tensor of the network; the names and shapes are those of its official checkpoint."""
    if isinstance(net, MesoNet):
        for layer, module in net.keras().items():
            fill_keras(layer, module, draw)
        return
    for name, value in net.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            value.copy_(draw(name, value.shape))


def fill_keras(layer, module, draw):
    part = lambda name, shape: draw(f"{layer}/{layer}/{name}:0", shape)
    if isinstance(module, torch.nn.BatchNorm2d):
        names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        for ours, theirs in names.items():
            getattr(module, ours).data.copy_(part(theirs, getattr(module, ours).shape))
        return
    order = (2, 3, 1, 0) if isinstance(module, torch.nn.Conv2d) else (1, 0)
    back = (3, 2, 0, 1) if isinstance(module, torch.nn.Conv2d) else (1, 0)
    kernel = part("kernel", [module.weight.shape[i] for i in order])
    module.weight.data.copy_(kernel.permute(back))
    module.bias.data.copy_(part("bias", module.bias.shape))


def golden(case):
    net = case.build().eval()
    tensors = []

    def draw(name, shape):
        tensors.append((name, list(shape)))
        return torch.from_numpy(seeded.tensor(SEED, name, tuple(shape)))

    with torch.no_grad():
        fill(net, draw)
    given = lambda name, shape, low: torch.from_numpy(seeded.uniform(SEED, name, shape, low, 1.0))
    x = given("x", (1, 3, case.size, case.size), 0.0).requires_grad_()
    mean, std = (torch.tensor(v)[None, :, None, None] for v in case.preprocess)
    inputs = [(x - mean) / std] + ([given("c", (case.domains, case.width), -1.0)] if case.domains else [])
    outputs = net(*inputs)
    outputs["grad"], = torch.autograd.grad(outputs["y"].square().mean(), x)
    kept, steps = {}, {}
    for name, value in outputs.items():
        value = value.detach().flatten()
        # An odd step, so that no row, column or channel is left out.
        steps[name] = max(1, value.numel() // KEPT) | 1
        kept[name] = value[::steps[name]].contiguous().numpy()
    about = {"entry": case.entry, "seed": SEED, "size": case.size, "domains": max(1, case.domains),
             "config": case.config, "inside": case.inside, "steps": steps, "tensors": tensors}
    return save(kept, {"golden": json.dumps(about, separators=(",", ":"))}), outputs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "goldens")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    for case in PUBLISHED if args.published else NARROW:
        if args.names and case.name not in args.names:
            continue
        data, outputs = golden(case)
        (args.out / f"{case.name}.safetensors").write_bytes(data)
        y, grad = outputs["y"], outputs["grad"]
        print(f"{case.name}: {len(data)} bytes, y up to {y.abs().max():.3f} (deviation {y.std(correction=0):.3f}), "
              f"|grad| {grad.norm():.3e}", flush=True)


if __name__ == "__main__":
    main()
