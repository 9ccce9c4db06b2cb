"""The loop that all recipes share: a budget, a schedule, averaged weights, a log, and checkpoints to resume from."""

import copy
import json
import math
import os
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel


class Task(ABC):
    """One training: `net` is what ships, `modules` and `optimisers` all that a checkpoint must hold, `rng` the only
    source of chance."""

    net: nn.Module
    modules: dict[str, nn.Module]
    optimisers: dict[str, Optimizer]
    rng: torch.Generator

    @abstractmethod
    def step(self) -> dict[str, Tensor]:
        """One step of every optimiser, and the losses to log."""

    @abstractmethod
    def feed(self, net: nn.Module) -> None:
        """Runs `net` on one batch of training data, for the statistics of batch norm."""

    def validate(self, net: nn.Module) -> dict[str, float]:  # noqa: ARG002
        """What is worth a curve, on the validation split."""
        return {}

    def compile(self) -> None:  # noqa: B027
        """Compiles what takes the time, where that pays."""

    def autocast(self) -> torch.autocast:
        """bfloat16 where there is hardware for its products, plain float32 elsewhere."""
        kind = self.rng.device.type
        return torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda" or torch.cpu._is_amx_tile_supported())


@dataclass(frozen=True)
class Budget:
    """When a training ends: after `steps`, or where `minutes` are given after so much time, whichever is first. The
    learning rate falls with what is used up, so that it always ends low. Only where `steps` decide are two runs the
    same; the card says which it was."""

    steps: int
    minutes: float | None = None

    def used(self, step: int, seconds: float) -> float:
        """The share that is used up, 1 at the end."""
        return max(step / self.steps, seconds / (60 * self.minutes) if self.minutes else 0)


LOGS = 200
CURVE = 20
WARM = 100
SETTLE = 20
"""Lines of a log, points of the curve, steps in which the learning rate rises, batches for batch norm."""


def fit(task: Task, budget: Budget, folder: Path, name: str, save_every: float = 60) -> nn.Module:
    """Trains until the budget is used up, resuming `folder/checkpoints/NAME.pt` where it exists; the averaged network,
    in evaluation mode."""
    path, log = folder / "checkpoints" / f"{name}.pt", folder / "logs" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    average = AveragedModel(task.net, multi_avg_fn=averaged)
    step, before = 0, 0.0
    for optimiser in task.optimisers.values():
        for group in optimiser.param_groups:
            group["initial_lr"] = group["lr"]
    if path.exists():
        step, before = restore(path, task, average)
    batches = min(SETTLE, budget.steps)
    started = saved = time.monotonic()
    spent = lambda: before + time.monotonic() - started  # noqa: E731
    logged, drawn = (math.floor(budget.used(step, before) * n) for n in (LOGS, CURVE))
    while (used := budget.used(step, spent())) < 1:
        rate = min(1, 2 * (1 - used)) * min(1, (step + 1) / WARM)
        for optimiser in task.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * rate
        losses = task.step()
        average.update_parameters(task.net)
        step += 1
        used = budget.used(step, spent())
        if math.floor(used * LOGS) > logged:
            logged = math.floor(used * LOGS)
            line = {"step": step, "seconds": round(spent(), 1), "used": round(used, 4)}
            line |= {key: round(value.item(), 5) for key, value in losses.items()}
            if not all(math.isfinite(v) for v in line.values()):
                raise FloatingPointError(f"{name}: step {step} gave {line}")
            if math.floor(used * CURVE) > drawn:
                drawn = math.floor(used * CURVE)
                line |= task.validate(settled(task, average.module, batches))
            with log.open("a") as lines:
                lines.write(json.dumps(line) + "\n")
        if time.monotonic() - saved > save_every:
            store(path, task, average, step, spent())
            saved = time.monotonic()
    store(path, task, average, step, spent())
    return settled(task, average.module, batches)


@torch.no_grad()
def averaged(average: list[Tensor], current: list[Tensor], count: Tensor) -> None:
    """Moves the average towards the current weights: over the last thousand steps or so, fewer at the beginning."""
    keep = min(0.999, (1 + count.item()) / (10 + count.item()))
    torch._foreach_lerp_(average, current, 1 - keep)


def settled(task: Task, net: nn.Module, batches: int) -> nn.Module:
    """A copy of `net` whose batch norms hold the mean statistics of `batches` batches: the running ones belong to
    weights that are no longer there. Chance goes on as if nothing had been drawn."""
    net = copy.deepcopy(net)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    if norms:
        chance = task.rng.get_state()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        net.train()
        with torch.no_grad():
            for _ in range(batches):
                task.feed(net)
        task.rng.set_state(chance)
    return net.eval().requires_grad_(False)


def store(path: Path, task: Task, average: AveragedModel, step: int, seconds: float) -> None:
    """Writes a checkpoint whole or not at all."""
    state = {
        "step": step,
        "seconds": seconds,
        "average": average.state_dict(),
        "rng": task.rng.get_state(),
        "modules": {name: module.state_dict() for name, module in task.modules.items()},
        "optimisers": {name: optimiser.state_dict() for name, optimiser in task.optimisers.items()},
    }
    part = path.with_suffix(f".{os.getpid()}")
    torch.save(state, part)
    part.replace(path)


def restore(path: Path, task: Task, average: AveragedModel) -> tuple[int, float]:
    """Sets everything as the checkpoint has it; its step and seconds."""
    state = torch.load(path, map_location=task.rng.device, weights_only=True)
    average.load_state_dict(state["average"])
    task.rng.set_state(state["rng"].cpu())
    for name, module in task.modules.items():
        module.load_state_dict(state["modules"][name])
    for name, optimiser in task.optimisers.items():
        optimiser.load_state_dict(state["optimisers"][name])
    return state["step"], state["seconds"]
