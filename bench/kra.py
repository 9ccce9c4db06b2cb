#!/usr/bin/env python3
"""The Key Region Attack with PGD inside on ResNet-50 at 224: seconds an image, beside the same procedure in PyTorch.

Usage: bench/kra.py IMAGES [--count N] [--batch N ...] [--rounds N] [--moire PATH]

IMAGES is a folder of PNG or JPEG files, found at any depth. The network has random weights, its batch norms are set by
the images, and an image's label is what the network says of it, so that each is attacked. Every step is taken
(criterion `spent`): one pass for the key regions, then N rounds of 10 steps. First both run the attack from the image
itself (I-FGSM inside) to show that they do the same: the share of values of the results that are equal. PyTorch's time
is of the attack alone, in the better of its two memory layouts; moire's includes reading, saving and judging the files.
Needs torch, numpy and pillow.
"""

import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "train" / "reference"))
from nets.resnet import resnet50  # noqa: E402

EPS, STEPS, SIZE = 8 / 255, 10, 224
MEAN, STD = (torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def network(images):
    torch.manual_seed(0)
    net = resnet50().requires_grad_(False)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    net.train()((images - MEAN) / STD)
    net.eval()
    margins = margin(net, images)
    net.fc.bias += torch.tensor([0.5, -0.5]) * margins.median()
    return net


def margin(net, x):
    y = net((x - MEAN) / STD)["y"]
    return y[:, 1] - y[:, 0]


def key_regions(net, x):
    """For each position the highest threshold under which it belongs to the region, by the outputs of three stages."""
    seen = []
    hooks = [layer.register_forward_hook(lambda m, i, o: seen.append(o)) for layer in (net.layer2, net.layer3, net.layer4)]
    x = x.clone().requires_grad_(True)
    score = margin(net, x).abs().sum()
    for hook in hooks:
        hook.remove()
    least = torch.ones(len(x), SIZE, SIZE)
    for g in torch.autograd.grad(score, seen):
        g = g.sum(1, keepdim=True)
        low, high = g.amin((2, 3), keepdim=True), g.amax((2, 3), keepdim=True)
        g = (g - low) / (high - low)
        g = interpolate(g, size=(SIZE, SIZE), mode="bilinear", align_corners=False)[:, 0]
        least = torch.minimum(least, g)
    return least


def kra(net, clean, signs, rounds, random_start):
    regions = key_regions(net, clean)
    x, threshold, before = clean.clone(), 0.9, torch.zeros_like(clean[:, :1], dtype=torch.bool)
    for _ in range(rounds):
        threshold = max(threshold - 0.1, 0.1)
        region = (regions > threshold)[:, None]
        if random_start:
            noise = (2 * torch.rand_like(x) - 1) * EPS
            x = torch.where(region & ~before, (clean + noise).clamp(0, 1), x)
        before = region
        for _ in range(STEPS):
            at = x.clone().requires_grad_(True)
            (g,) = torch.autograd.grad((margin(net, at) * signs).sum(), at)
            x = x - EPS / 4 * torch.sign(g) * region
            x = (clean + (x - clean).clamp(-EPS, EPS)).clamp(0, 1)
    return x


def pixels(path):
    return torch.tensor(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1).float() / 255


def prepare(source, count, folder):
    """Images and weights as files; the network; each label's images by name."""
    found = sorted(p for p in pathlib.Path(source).rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    chosen = found[:: max(1, len(found) // count)][:count]
    images = [Image.open(p).convert("RGB").resize((SIZE, SIZE)) for p in chosen]
    x = torch.stack([torch.tensor(np.array(i)).permute(2, 0, 1).float() / 255 for i in images])
    net = network(x)
    torch.save(net.state_dict(), folder / "resnet50.pth")
    fakes = margin(net, x) > 0
    for i, image in enumerate(images):
        place = folder / "data" / ("fake" if fakes[i] else "real")
        place.mkdir(parents=True, exist_ok=True)
        image.save(place / f"{i:03}.png")
    return net, x, torch.where(fakes, 1.0, -1.0)


def moire(args, folder, inside, rounds, batch):
    out = folder / f"{inside}-{batch}"
    attack = f"kra(rounds={rounds}):{inside}(steps={STEPS})"
    command = [args.moire, "audit", f"resnet50:{folder}/resnet50.pth", "--data", str(folder / "data"), "--attack", attack]
    command += ["--eps", "8/255", "--criterion", "spent", "--batch", str(batch), "--out", str(out), "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(out / "records.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["attack"].startswith("kra") and int(row["gradients"])]
    return out, rows


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("images")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--moire", default=str(HERE.parent / "target" / "release" / "moire"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        net, x, signs = prepare(args.images, args.count, folder)
        out, rows = moire(args, folder, "i_fgsm", 1, args.batch[-1])
        theirs = kra(net, x, signs, 1, random_start=False)
        for row in rows:
            i = int(pathlib.Path(row["image"]).stem)
            ours = (pixels(out / row["file"]) * 255).round()
            equal = (ours == (theirs[i] * 255).round()).float().mean().item()
            change = ours != (x[i] * 255).round()
            print(f"image {i}: {100 * equal:.2f} % of the values equal; {100 * change.any(0).float().mean():.2f} % of the pixels changed")
        print(f"\n{'batch':>5} {'moire s':>9} {'PyTorch s':>9} {'ratio':>6}   seconds an image, {args.rounds} rounds of {STEPS} steps")
        for batch in args.batch:
            best = float("inf")
            for layout in (torch.contiguous_format, torch.channels_last):
                net.to(memory_format=layout)
                start = time.perf_counter()
                for part, of in zip(x.split(batch), signs.split(batch)):
                    kra(net, part.contiguous(memory_format=layout), of, args.rounds, random_start=True)
                best = min(best, (time.perf_counter() - start) / len(x))
            _, rows = moire(args, folder, "pgd", args.rounds, batch)
            own = sum(float(row["seconds"]) for row in rows) / len(rows)
            print(f"{batch:5} {own:9.2f} {best:9.2f} {best / own:6.2f}", flush=True)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
