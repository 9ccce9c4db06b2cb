#!/usr/bin/env python3
"""PGD-10 through the attack APIs of torchattacks, Foolbox and ART, beside moire's, in one table.

Usage: bench/attacks.py [--batch N] [--runs N] [--tool TOOL ...] [--moire PATH]

ResNet-50 with two classes at 224 pixels, eps 8/255, alpha 2/255, a random start, ten steps that every image takes. Weights
are random on both sides (here the batch norms are set by the images), images are noise, and each is labelled as the network
sees it, so that the attack works against the answer. A row holds the medians of seconds a batch, and what shows that the
work was done: how often images went through the network (a tool may look again at what it found), the largest change, and
how sure the network was before and after. Parameters are frozen, which spares a tool gradients that nobody asked for, in the
better of PyTorch's two memory layouts; "as it comes" is with parameters as torch makes them. A ratio above 1 means that
moire is faster. moire runs before and after each tool, and its better median counts.
Needs torch, torchattacks, foolbox and adversarial-robustness-toolbox.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import torch  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "train" / "reference"))
from nets.resnet import resnet50  # noqa: E402

EPS, ALPHA, STEPS, SIZE = 8 / 255, 2 / 255, 10, 224
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}


class Logits(torch.nn.Module):
    """The network as tools take it, and how many images went through it."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seen = net, 0

    def forward(self, x):
        self.seen += len(x)
        return self.net(x)["y"]


def network(images):
    torch.manual_seed(0)
    net = resnet50()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(images)
        net.eval()
        y = net(images)["y"]
        net.fc.bias += torch.tensor([0.5, -0.5]) * (y[:, 1] - y[:, 0]).median()
    return Logits(net).eval()


def torchattacks(model):
    import torchattacks

    return torchattacks.PGD(model, eps=EPS, alpha=ALPHA, steps=STEPS, random_start=True)


def foolbox(model):
    import foolbox

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(abs_stepsize=ALPHA, steps=STEPS, random_start=True)
    return lambda x, y: attack(wrapped, x, y, epsilons=EPS)[0]


def art(model):
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    loss = torch.nn.CrossEntropyLoss()
    wrapped = PyTorchClassifier(model, loss, (3, SIZE, SIZE), 2, clip_values=(0, 1), device_type="cpu")

    def attack(x, y):
        settings = dict(eps=EPS, eps_step=ALPHA, max_iter=STEPS, num_random_init=1, batch_size=len(x), verbose=False)
        return torch.from_numpy(ProjectedGradientDescent(wrapped, **settings).generate(x.numpy(), y.numpy()))

    return attack


TOOLS = {"torchattacks": torchattacks, "foolbox": foolbox, "art": art}


def timed(attack, model, x, labels, runs):
    """The median of seconds, after a step that does not count, and what the last run found and took."""
    warm = x.clone().requires_grad_(True)
    torch.autograd.grad(model(warm).sum(), warm)
    times = []
    for _ in range(runs):
        model.seen = 0
        start = time.perf_counter()
        found = attack(x, labels)
        times.append(time.perf_counter() - start)
    return statistics.median(times), found, model.seen / len(x)


def margin(model, x, y):
    """By how much the logit of the label exceeds the other, on average."""
    with torch.no_grad():
        logits = model.net(x)["y"]
    return (logits.gather(1, y[:, None]) - logits.gather(1, 1 - y[:, None])).mean().item()


def theirs(tool, batch, runs):
    """Seconds by layout with frozen parameters, and as it comes; looks, change, margins."""
    torch.manual_seed(1)
    images = torch.rand(batch, 3, SIZE, SIZE)
    model = network(images)
    with torch.no_grad():
        labels = model.net(images)["y"].argmax(1)

    def measure(layout, trainable):
        model.to(memory_format=LAYOUTS[layout]).requires_grad_(trainable)
        x = images.contiguous(memory_format=LAYOUTS[layout])
        return timed(TOOLS[tool](model), model, x, labels, runs)

    frozen = {layout: measure(layout, False) for layout in LAYOUTS}
    better = min(frozen, key=lambda layout: frozen[layout][0])
    seconds, found, looks = frozen[better]
    return {
        "frozen": seconds,
        "as it comes": measure(better, True)[0],
        "layout": better,
        "looks": looks,
        "change": (found - images).abs().max().item(),
        "margins": [margin(model, images, labels), margin(model, found, labels)],
    }


def moire(args):
    attack = f"pgd(steps={STEPS},alpha=2/255)"
    command = [args.moire, "bench", "resnet50", "--batch", str(args.batch), "--attack", attack, "--eps", "8/255", "--json"]
    done = subprocess.run([*command, "--runs", "5"], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)["attack"]


def row(*cells):
    print(f"{cells[0]:14}" + "".join(f" {cell:>12}" for cell in cells[1:]), flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tool", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--moire", default=str(HERE.parent / "target" / "release" / "moire"))
    args = parser.parse_args()
    row("tool", "seconds", "ratio", "as it comes", "ratio", "looks", "change", "margin", "to")
    before = moire(args)
    for tool in args.tool:
        other = theirs(tool, args.batch, args.runs)
        after = moire(args)
        own = min(before["ms"], after["ms"]) / 1e3
        effect = [f"{other['looks']:.0f}", f"{other['change']:.5f}", *(f"{m:.3f}" for m in other["margins"])]
        times = [f"{other[k]:.2f}" for k in ("frozen", "as it comes")]
        ratios = [f"{other[k] / own:.2f}" for k in ("frozen", "as it comes")]
        looks = after["gradients"] + after["queries"]
        row("moire", f"{own:.2f}", "", "", "", looks, f"{after['change']:.5f}", *(f"{m:.3f}" for m in after["margins"]))
        row(f"{tool} {other['layout']}", times[0], ratios[0], times[1], ratios[1], *effect)
        before = after
    print(f"batch {args.batch}, torch {torch.__version__}, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
