"""One network, or all of them at once within a time, from faces to files."""

import argparse
import json
import multiprocessing
import os
import sys
import time
import zlib
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from torch.nn.functional import adaptive_avg_pool2d

from . import data, evaluate, export, faces
from .data import Faces
from .fitting import Budget, fit
from .judge import thresholds
from .recipes import EDITORS, RECIPES, Editing, Recipe


def settings(options: argparse.Namespace) -> None:
    """What holds in a whole process."""
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True


def read(options: argparse.Namespace, size: int) -> Faces:
    return data.read(options.data, size, torch.device(options.device), options.limit)


def weights(options: argparse.Namespace, name: str) -> Path:
    """Where a trained network lies; it is there only when its training has ended."""
    return options.out / ("judge.safetensors" if name == "judge" else f"weights/{name}.safetensors")


def editing(options: argparse.Namespace, names: tuple[str, ...], of: Faces) -> Editing | None:
    """The editors called `names` for the faces `of`, if all are there."""
    if not names or not all(weights(options, name).exists() for name in names):
        return None
    device = torch.device(options.device)
    return Editing({name: export.load(weights(options, name), RECIPES[name], device)[0] for name in names}, of)


def one(recipe: Recipe, options: argparse.Namespace) -> int:
    """Trains one network, and writes it when its budget is used up."""
    missing = [name for name in recipe.needs if not weights(options, name).exists()]
    if missing:
        print(f"{recipe.name} learns from the work of {', '.join(missing)}: train these first", file=sys.stderr)
        return 1
    device = torch.device(options.device)
    of = read(options, recipe.size)
    edit = {split: editing(options, recipe.needs, of.only(split)) for split in ("train", "validation")}
    net = recipe.fresh(options.seed).to(device, memory_format=torch.channels_last)
    rng = torch.Generator(device).manual_seed(options.seed ^ zlib.crc32(recipe.name.encode()))
    budget, batch = Budget(options.steps or recipe.steps, options.minutes), options.batch or recipe.batch
    task = recipe.task(of, net, edit, rng, batch)
    if options.compile:
        task.compile()
    trained = fit(task, budget, options.out, recipe.name)
    last = torch.load(options.out / f"checkpoints/{recipe.name}.pt", weights_only=True, map_location="cpu")
    card = {"parameters": sum(p.numel() for p in trained.parameters()), "faces": len(of), "seed": options.seed,
            "steps": last["step"], "batch": batch, "minutes": round(last["seconds"] / 60, 1),
            "cut": last["step"] < budget.steps}
    export.write(weights(options, recipe.name), recipe, trained, card)
    print(f"{recipe.name}: {json.dumps(card)}", flush=True)
    return 0


def everything(options: argparse.Namespace) -> int:
    """Trains all that is not there yet, several at once, each as soon as the editors that it needs are; then makes the
    sample faces, measures, and writes goldens and cards. Run again, it goes on where it was stopped."""
    jobs = options.jobs or (8 if options.device == "cuda" else 1)
    started = time.monotonic()
    for size in {recipe.size for recipe in RECIPES.values()}:
        read(options, size)
    waiting = [name for name in (*EDITORS, *RECIPES) if not weights(options, name).exists()]
    waiting = list(dict.fromkeys(waiting))
    # Its server imports PyTorch once, for all.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "train.recipes"])
    running: dict[str, BaseProcess] = {}
    failed = []
    while waiting or running:
        for name in [name for name in waiting if set(RECIPES[name].needs) & set(failed)]:
            waiting.remove(name)
            failed.append(name)
        ready = [n for n in waiting if all(weights(options, need).exists() for need in RECIPES[n].needs)]
        for name in ready[: jobs - len(running)]:
            waiting.remove(name)
            mine = argparse.Namespace(**vars(options))
            mine.minutes = minutes(RECIPES[name], options.minutes, time.monotonic() - started)
            running[name] = context.Process(target=work, args=(name, mine))
            running[name].start()
        time.sleep(0.2)
        for name, process in list(running.items()):
            if process.exitcode is not None:
                del running[name]
                print(f"{name}: {'FAILED' if process.exitcode else 'trained'} after "
                      f"{time.monotonic() - started:.0f} s", flush=True)
                failed += [name] if process.exitcode else []
    if failed:
        print(f"failed, see {options.out}/logs: {', '.join(failed)}", file=sys.stderr)
    if "judge" not in failed:
        sample_faces(options)
        evaluated(options)
        exported(options)
    return int(bool(failed))


REST = 0.1
"""The part of a session's minutes that sample faces, measuring and export need."""


def minutes(recipe: Recipe, session: float | None, gone: float) -> float | None:
    """The time of one training in a session of so many minutes of which `gone` seconds are over."""
    if session is None:
        return None
    return max(0.2, min(recipe.share * session, (1 - REST) * session - gone / 60))


def work(name: str, options: argparse.Namespace) -> None:
    """One training in a process of its own, whose words go to a file."""
    path = options.out / "logs" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as words:
        os.dup2(words.fileno(), sys.stdout.fileno())
        os.dup2(words.fileno(), sys.stderr.fileno())
    settings(options)
    sys.exit(one(RECIPES[name], options))


def sample_faces(options: argparse.Namespace) -> int:
    """Makes sample faces and their forgeries of the kinds that the trained editors allow."""
    made = faces.synthesise(read(options, 128).only("train"), options.seed, options.samples)
    if weights(options, "judge").exists():
        judge, _ = export.load(weights(options, "judge"), RECIPES["judge"], torch.device(options.device))
        made = faces.relabel(made, judge, thresholds(judge, read(options, 64).only("validation")), 64)
    edits = {"edit": editing(options, EDITORS[:3], made), "gan": editing(options, EDITORS, made)}
    faces.write(options.out / "faces", made, {k: v for k, v in edits.items() if v}, options.seed)
    return 0


def evaluated(options: argparse.Namespace) -> int:
    """Measures what is there on held-out faces and says what falls short."""
    results = evaluate.evaluate(options.out, read(options, 64), read(options, 128))
    for name, result in results.items():
        if name != "judge":
            print(f"{name}: {json.dumps({k: v for k, v in result.items() if not isinstance(v, dict)})}")
    for line in evaluate.lacking(results):
        print(f"short: {line}")
    return 0


def exported(options: argparse.Namespace) -> int:
    """Writes goldens and model cards of the networks that are there."""
    samples = faces.stored(options.out / "faces", torch.device("cpu"))
    has = dict(zip(samples.attributes, samples.labels[0].tolist(), strict=True))
    total = 0
    for name in export.names():
        if not weights(options, name).exists():
            continue
        recipe = RECIPES[name]
        net, card = export.load(weights(options, name), recipe, torch.device("cpu"))
        # The mean of each block of pixels, which needs no words about filters.
        face = adaptive_avg_pool2d(samples.images[0].float(), recipe.size).round().byte()
        export.golden(options.out / "goldens" / f"{name}.safetensors", recipe, net, face, has)
        shown = export.picture(options.out / "cards" / f"{name}.png", recipe, net, samples, options.out / "faces")
        page = export.page(recipe, card, options.out / "logs" / f"{name}.jsonl", shown)
        (options.out / "cards").mkdir(exist_ok=True)
        (options.out / "cards" / f"{name}.md").write_text(page)
        total += weights(options, name).stat().st_size
    print(f"{total} bytes of weights")
    return 0
