"""Trained networks as files that moire loads by themselves, the goldens they are held to, and their cards.

A network is a safetensors file of 16-bit numbers under its official names, with metadata: `format` moire.network.v1,
`name`, `architecture`, `config`, `input` (size, mean, std, crop), `labels`, `license`, and `card`, what is known of it as
JSON.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from .conditions import asked
from .data import Faces
from .recipes import EDITORS, RECIPES, Recipe
from .reference.nets.mesonet import MesoNet

LICENCE = "CelebA's terms: non-commercial research only"
KEPT = 2048
"""Numbers of a tensor that a golden keeps, about."""


def tensors(net: nn.Module) -> dict[str, Tensor]:
    """What a file holds: the network's tensors by their official names, MesoInception-4's as Keras lays them out."""
    if isinstance(net, MesoNet):
        return {name: value.permute(order) for name, value, order in keras(net)}
    return {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}


def keras(net: MesoNet) -> list[tuple[str, Tensor, tuple[int, ...]]]:
    """Keras' name of each tensor, the tensor, and the order of its axes there."""
    found = []
    for layer, module in net.keras().items():
        norm = isinstance(module, nn.BatchNorm2d)
        parts = {"weight": "gamma" if norm else "kernel", "bias": "beta" if norm else "bias"}
        parts |= {"running_mean": "moving_mean", "running_var": "moving_variance"} if norm else {}
        for ours, theirs in parts.items():
            value = getattr(module, ours).detach()
            order = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[value.dim()]
            found.append((f"{layer}/{layer}/{theirs}:0", value, order))
    return found


def write(path: Path, recipe: Recipe, net: nn.Module, card: dict) -> None:
    """Writes the network, whole or not at all.

    Raises:
        ValueError: a number does not fit 16 bits.
    """
    stored = {}
    for name, value in tensors(net).items():
        stored[name] = value.detach().half().contiguous().cpu()
        if not stored[name].isfinite().all():
            raise ValueError(f"{recipe.name}: {name} holds {value.abs().max().item()}, which does not fit 16 bits")
    seen = {"size": [recipe.size] * 2, "mean": recipe.seen.mean, "std": recipe.seen.std}
    if recipe.name in EDITORS:
        # What the data's faces are: StarGAN's middle square of CelebA's aligned photographs.
        seen["crop"] = "celeba"
    metadata = {
        "format": "moire.network.v1", "name": recipe.name, "architecture": recipe.architecture,
        "config": json.dumps(recipe.config), "input": json.dumps(seen), "labels": recipe.labels, "license": LICENCE,
        "card": json.dumps(card, sort_keys=True),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(stored, part, metadata)
    part.chmod(0o644)
    part.replace(path)


def load(path: Path, recipe: Recipe, device: torch.device) -> tuple[nn.Module, dict]:
    """The network of a file in evaluation mode, in float32, and its card."""
    net = recipe.build()
    with safe_open(path, "pt") as file:
        stored = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        card = json.loads(file.metadata()["card"])
    if isinstance(net, MesoNet):
        for name, value, order in keras(net):
            value.copy_(stored.pop(name).permute([order.index(axis) for axis in range(len(order))]))
        if stored:
            raise ValueError(f"{path}: nothing takes {', '.join(stored)}")
    else:
        missing, unused = net.load_state_dict(stored, strict=False)
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]
        if missing or unused:
            raise ValueError(f"{path}: missing {missing}, unused {unused}")
    return net.to(device).eval().requires_grad_(False), card


def golden(path: Path, recipe: Recipe, net: nn.Module, face: Tensor, labels: dict[str, bool]) -> None:
    """What the network of 16-bit numbers answers to a sample face, uint8 `[3, s, s]`, and d mean(y^2) / dx, in float32
    on a CPU. Of each tensor every `steps`-th number is kept, counted flat. `x` are the bytes that went in, `c` the
    condition: the edit of each attribute, one a row."""
    x = (face[None].float() / 255).requires_grad_()
    held = {"x": face[None]}
    inputs = [recipe.seen(x)]
    if recipe.attributes:
        has = torch.tensor([[float(labels[name]) for name in recipe.attributes]])
        edits = range(len(recipe.attributes))
        held["c"] = torch.cat([asked(recipe.architecture, recipe.attributes, has, edit) for edit in edits])
        inputs.append(held["c"])
    out = dict(net(*inputs))
    out["grad"], = torch.autograd.grad(out["y"].square().mean(), x)
    steps = {}
    for name, value in out.items():
        flat = value.detach().flatten()
        # An odd step, so that no row, column or channel is left out.
        steps[name] = max(1, flat.numel() // KEPT) | 1
        held[name] = flat[:: steps[name]].contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"network": recipe.name, "size": recipe.size, "steps": steps}
    save_file(held, path, {"golden": json.dumps(about, sort_keys=True)})


def page(recipe: Recipe, card: dict, log: Path, picture: str) -> str:
    """A model card in Markdown; its header is YAML whose values are JSON. `picture` says what the columns of the
    picture beside it are, if there is one."""
    steps = "" if card["cut"] or card["steps"] == recipe.steps else f" --steps {card['steps']}"
    header = {"name": recipe.name, "architecture": recipe.architecture, "license": LICENCE, **card}
    lines = ["---", *(f"{key}: {json.dumps(value)}" for key, value in header.items()), "---", f"# {recipe.name}", ""]
    knows = f"; it knows {FORGERIES[recipe.forgery][0]}" if recipe.forgery else ""
    lines += [f"{ABOUT[recipe.architecture]}{knows}.", "", f"- **Input**: {recipe.size} x {recipe.size} pixels.",
              f"- **Parameters**: {card['parameters']:,}.", f"- **Answers**: {recipe.labels}."]
    if recipe.attributes:
        lines.append(f"- **Edits**: {', '.join(recipe.attributes)}.")
    if recipe.forgery:
        lines.append(f"- **Learnt to see**: {FORGERIES[recipe.forgery][1]}.")
    lines += [
        f"- **Data**: {card['faces']:,} aligned faces of CelebA (Liu et al., arXiv 1411.7766), of which eight tenths "
        "train, one validates, one is held out. Their terms allow non-commercial research only, and so do these "
        "weights'. The same person may occur in two parts.",
        f"- **Recipe**: `python -m train {recipe.name}{steps}`, seed {card['seed']}, {card['steps']:,} steps of "
        f"{card['batch']} images in {card['minutes']} minutes"
        + ("; the minutes ended it, so another machine ends elsewhere." if card["cut"] else "."),
        "", "## Held-out faces", ""]
    lines += measured(card.get("held_out", {}))
    if picture:
        lines += ["", "## On sample faces", "", f"Nobody's faces, a row each: {picture}.", "",
                  f"![{recipe.name} on sample faces]({recipe.name}.png)"]
    lines += ["", "## Limits", "", LIMITS["editor" if not recipe.forgery else "detector"], "", "## Curve", ""]
    return "\n".join(lines + curve(log)) + "\n"


def measured(result: dict) -> list[str]:
    """A table of what was measured, groups of numbers flattened."""
    rows = []
    for key, value in result.items():
        group = value if isinstance(value, dict) else {"": value}
        rows += [f"| {key} {sub} | {number} |".replace("  ", " ") for sub, number in group.items()]
    return ["| measure | value |", "|---|---|", *rows] if rows else ["Not measured yet."]


def curve(log: Path) -> list[str]:
    """The log in about twenty rows: where there is validation each time that it was measured, else the means of the
    losses since the row before."""
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if not lines:
        return ["No log."]
    ends = [i for i, line in enumerate(lines) if "accuracy" in line]
    many = math.ceil(len(lines) / CURVE)
    ends = ends or [*range(many - 1, len(lines) - 1, many), len(lines) - 1]
    points, start = [], 0
    for end in ends:
        part = lines[start: end + 1]
        losses = {k: f"{sum(line[k] for line in part) / len(part):.3f}" for k in lines[0] if k not in NOT_LOSSES}
        measures = {k: v for k, v in lines[end].items() if k not in lines[0]}
        points.append({"step": lines[end]["step"]} | losses | measures)
        start = end + 1
    return [f"| {' | '.join(points[-1])} |", "|---" * len(points[-1]) + "|",
            *(f"| {' | '.join(str(value) for value in point.values())} |" for point in points)]


CURVE = 20
NOT_LOSSES = ("step", "seconds", "used")


@torch.no_grad()
def picture(path: Path, recipe: Recipe, net: nn.Module, samples: Faces, forged: Path) -> str:
    """Shows on sample faces what the network does, in a PNG file of as many rows as faces; what its columns are, or
    nothing where there is nothing to see."""
    shown = samples.images[:SHOWN]
    if recipe.forgery:
        if recipe.answer.kind != "zones" or not hasattr(net, "segmenter"):
            return ""
        fakes = torch.stack([grey_or_rgb(forged / recipe.forgery / f"{i:02}.png") for i in range(len(shown))])
        masks = torch.stack([grey_or_rgb(forged / f"{recipe.forgery}-mask" / f"{i:02}.png") for i in range(len(shown))])
        found = net(recipe.seen(fakes))["mask"].expand(-1, 3, -1, -1)
        columns = [shown.float() / 255, fakes, masks, found]
        words = "the face, forged, where it was, where the network marks it"
    else:
        x = 2 * adaptive_avg_pool2d(shown.float(), recipe.size) / 255 - 1
        labels = samples.columns(recipe.attributes)[:SHOWN]
        edits = [net(x, asked(recipe.name, recipe.attributes, labels, edit))["y"]
                 for edit in range(len(recipe.attributes))] or [net(x)["y"]]
        columns, words = [(v + 1) / 2 for v in (x, *edits)], "the face, then each edit in the order above"
    rows = torch.cat([torch.cat(list(column.clamp(0, 1)), 1) for column in columns], 2)
    image = Image.fromarray((rows * 255).round().byte().permute(1, 2, 0).numpy())
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)
    return words


SHOWN = 4
"""Sample faces on a card."""


def grey_or_rgb(path: Path) -> Tensor:
    """A PNG file as `[3, s, s]` in [0, 1]."""
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).permute(2, 0, 1).float() / 255


FORGERIES = {
    "swap": ("face swaps", "another person's face, smaller than the photograph, its colours fitted, blended into a "
                           "feathered oval"),
    "warp": ("bent faces", "the face's own region bent, resampled, tinted and blended back"),
    "edit": ("edits blended in", "what StarGAN, AttGAN and STGAN of this collection change, added inside a feathered "
                                 "oval"),
    "gan": ("whole edited images", "whole images of the four editors of this collection"),
}
ABOUT = {
    "stargan": "StarGAN, narrow: edits five attributes (arXiv 1711.09020)",
    "attgan": "AttGAN, narrow and a layer shallower: edits thirteen attributes (arXiv 1711.10678)",
    "stgan": "STGAN, narrow and a layer shallower: edits five attributes (arXiv 1904.09709)",
    "ugatit_light": "U-GAT-IT, light and narrow: makes paintings of photographs (arXiv 1907.10830)",
    "ynet": "The Y-shaped autoencoder: is a face forged, and where (arXiv 1906.06876)",
    "forensictransfer": "ForensicTransfer: is a face forged (arXiv 1812.02510)",
    "mesoinception4": "MesoInception-4: is a face forged (arXiv 1809.00888)",
    "resnet50": "ResNet-50, narrow: is a face forged (arXiv 1512.03385)",
    "resnet101": "ResNet-101, narrow: is a face forged (arXiv 1512.03385)",
    "xception": "Xception, narrow: is a face forged (arXiv 1610.02357)",
    "inception_v3": "Inception-v3, narrow: is a face forged (arXiv 1512.00567)",
    "cnndetection": "CNNDetection's ResNet-50, narrow: is an image synthetic (arXiv 1912.11035)",
}
LIMITS = {
    "editor": "It is there to be protected against, in demonstrations and tests. It is smaller than what is used in "
              "earnest, and a protection that holds against it says nothing about other editors. It knows faces as "
              "CelebA has them: aligned, mostly of celebrities, unevenly of any age, sex or skin. Its attributes are "
              "labels that annotators gave by appearance.",
    "detector": "It is there to be attacked, in demonstrations and tests. It knows one recipe of forgery, made by this "
                "project, on aligned faces of CelebA; what it says about any other image means nothing. It is no "
                "detector to rely on.",
}


def names() -> list[str]:
    """The networks that ship."""
    return [name for name, recipe in RECIPES.items() if recipe.architecture]
