"""Tests the recipes on 200 faces: all of them for a few steps, through export, reloading and measuring; and what they
rest on: resuming, masks, compression. `make train-smoke` runs it."""

import argparse
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from torch import Tensor

from . import data, export, faces, forgeries
from .fitting import Budget, Task, fit
from .recipes import RECIPES

LIMIT, STEPS, BATCH = 200, 4, 8


def main() -> None:
    parser = argparse.ArgumentParser("python -m train.smoke", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/images"))
    parser.add_argument("--out", type=Path, default=Path("target/train-smoke"))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not options.data.exists():
        print(f"ignored: {options.data} not found")
        return
    torch.set_num_threads(1)
    shutil.rmtree(options.out, ignore_errors=True)
    x = data.read(options.data, 128, torch.device("cpu"), LIMIT).images[:BATCH].float() / 255
    masks_are_exact(x)
    compression_is_jpeg(x)
    resuming_changes_nothing(options.data, options.out / "resumed")
    command = [sys.executable, "-m", "train", "all", "--data", options.data, "--out", options.out, "--device", "cpu",
               "--limit", str(LIMIT), "--steps", str(STEPS), "--batch", str(BATCH), "--jobs", str(options.jobs),
               "--threads", "1", "--samples", "2"]
    subprocess.run(command, check=True)
    everything_is_there(options.out)
    print("train-smoke passed")


def masks_are_exact(x: Tensor) -> None:
    """Where nothing is blended in, nothing changes; where half or more is, much does."""
    for kind, forgery in (("swap", forgeries.swap), ("warp", forgeries.warp)):
        fake, alpha = forgery(x, torch.Generator().manual_seed(1))
        change = (fake - x).abs().amax(1, keepdim=True)
        assert change[alpha == 0].max() < 1e-6, f"{kind} changes what its mask leaves out"
        assert change[alpha >= 0.5].mean() > 0.01, f"{kind} hardly changes what its mask holds"
        share = (alpha >= 0.5).float().mean((1, 2, 3))
        assert ((share > 0.01) & (share < 0.6)).all(), f"{kind}: masks of {share.tolist()} of the image"


def compression_is_jpeg(x: Tensor) -> None:
    """Ours is near to what a library makes of the same images at the same quality, and farther from the images."""
    for quality in (50, 80):
        ours = forgeries.jpeg(x, torch.full((len(x),), float(quality))).clamp(0, 1)
        theirs = []
        for image in (x * 255).round().byte().numpy():
            stored = io.BytesIO()
            Image.fromarray(image.transpose(1, 2, 0)).save(stored, "JPEG", quality=quality, subsampling=2)
            theirs.append(torch.from_numpy(np.array(Image.open(stored))).permute(2, 0, 1).float() / 255)
        theirs = torch.stack(theirs)
        between, lost = (ours - theirs).square().mean(), (x - theirs).square().mean()
        assert between < 0.3 * lost, f"quality {quality}: {between:.2e} apart, JPEG itself {lost:.2e}"


def resuming_changes_nothing(source: Path, out: Path) -> None:
    """A training that was stopped and resumed ends with the same bits as one that was not."""
    recipe = RECIPES["mesoinception4-swap"]
    of = data.read(source, recipe.size, torch.device("cpu"), LIMIT)

    def training() -> Task:
        return recipe.task(of, recipe.fresh(1), {}, torch.Generator().manual_seed(1), BATCH)

    whole = fit(training(), Budget(STEPS), out, "whole")
    stopped = training()
    go_on, done = stopped.step, []

    def step() -> dict[str, Tensor]:
        if len(done) == STEPS // 2:
            raise KeyboardInterrupt
        done.append(1)
        return go_on()

    stopped.step = step
    try:
        fit(stopped, Budget(STEPS), out, "parts", save_every=0)
        raise AssertionError("it was not stopped")
    except KeyboardInterrupt:
        parts = fit(training(), Budget(STEPS), out, "parts")
    for (name, a), b in zip(whole.state_dict().items(), parts.state_dict().values(), strict=True):
        assert torch.equal(a, b), f"{name} differs after resuming"


def everything_is_there(out: Path) -> None:
    """Every network has its weights, a card and a golden, which the weights reproduce; sample faces have forgeries."""
    for name in export.names():
        recipe = RECIPES[name]
        net, card = export.load(out / f"weights/{name}.safetensors", recipe, torch.device("cpu"))
        assert card["steps"] == STEPS and card["held_out"], f"{name}: {card}"
        assert (out / f"cards/{name}.md").read_text().startswith("---\n")
        with safe_open(out / f"goldens/{name}.safetensors", "pt") as golden:
            x = recipe.seen(golden.get_tensor("x").float() / 255)
            inputs = [x, golden.get_tensor("c")] if recipe.attributes else [x]
            y = net(*inputs)["y"].flatten()
            kept = golden.get_tensor("y")
            assert (y[:: max(1, y.numel() // export.KEPT) | 1] - kept).norm() <= 1e-4 * kept.norm(), name
            assert golden.get_tensor("grad").norm() > 0, f"{name} has no gradient"
    samples = faces.stored(out / "faces", torch.device("cpu"))
    for kind in forgeries.KINDS:
        assert len(list((out / f"faces/{kind}").glob("*.png"))) == len(samples), kind
    assert set(json.loads((out / "evaluation.json").read_text())) == set(RECIPES)


if __name__ == "__main__":
    main()
