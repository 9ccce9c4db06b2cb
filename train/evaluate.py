"""What trained networks are worth on held-out faces, and whether that is enough."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from . import export
from .conditions import after, asked
from .data import Faces
from .detectors import measure
from .faces import stored
from .judge import PAINTED, judged, thresholds
from .painted import paint
from .recipes import EDITORS, RECIPES, Editing, Recipe

ENOUGH = {"accuracy": 0.95, "iou": 0.70, "agreement": 0.70}
SOME = 300
"""Held-out faces that show what a detector makes of other kinds of forgery than its own."""


@torch.no_grad()
def editor(net: nn.Module, recipe: Recipe, judge: nn.Module, cut: Tensor, faces: Faces) -> dict:
    """How often the judge, cutting its logits at `cut`, finds in held-out faces the edit that was asked for; how large
    the change is, and how well an editor that is asked for nothing leaves the face alone (both in [0, 1] units).

    Faces that show it already are left out: those of StarGAN's and STGAN's hair colours."""
    agreed, changed = {}, []
    labels = faces.columns(recipe.attributes)
    for edit, name in enumerate(recipe.attributes):
        column = faces.attributes.index(name)
        shall = after(recipe.name, recipe.attributes, labels, edit)
        rows = (shall != labels).any(1).nonzero()[:, 0]
        if len(rows) == 0:
            continue
        found = []
        for part in rows.split(128):
            x = faces.images[part].float() / 127.5 - 1
            y = net(x, asked(recipe.name, recipe.attributes, labels[part], edit))["y"]
            found.append((judge(y)["y"][:, column] > cut[column]) == (shall[part, edit] > 0.5))
            changed.append((y - x).abs().mean((1, 2, 3)) / 2)
        agreed[name] = round(torch.cat(found).float().mean().item(), 3)
    result = {"agreement": round(sum(agreed.values()) / len(agreed), 4), "agreement on": agreed,
              "mean change": round(torch.cat(changed).mean().item(), 4)}
    left = []
    for part in torch.arange(len(faces)).split(128):
        x = faces.images[part].float() / 127.5 - 1
        nothing = torch.zeros_like(labels[part]) if recipe.name == "stgan" else labels[part]
        nothing = nothing - 0.5 if recipe.name == "attgan" else nothing
        left.append((net(x, nothing)["y"] - x).abs().mean((1, 2, 3)) / 2)
    return result | {"mean change when nothing is asked": round(torch.cat(left).mean().item(), 4)}


@torch.no_grad()
def translator(net: nn.Module, judge: nn.Module, cut: Tensor, faces: Faces) -> dict:
    """How often the judge calls translated held-out photographs painted, and how near they come to the paintings that
    were rendered from the same photographs, which no training saw (in [0, 1] units; the photographs beside them)."""
    painted, far, start = [], [], []
    for images in faces.images.split(128):
        x = images.float() / 255
        y = net(2 * x - 1)["y"]
        painted.append(judge(y)["y"][:, -1] > cut[-1])
        far.append((y / 2 + 0.5 - paint(x)).abs().mean((1, 2, 3)))
        start.append((x - paint(x)).abs().mean((1, 2, 3)))
    return {"agreement": round(torch.cat(painted).float().mean().item(), 4),
            "distance to the rendered painting": round(torch.cat(far).mean().item(), 4),
            "the photograph's": round(torch.cat(start).mean().item(), 4)}


def judge_itself(judge: nn.Module, cut: Tensor, faces: Faces) -> dict:
    """Balanced accuracy on held-out faces as they are: the ceiling of what it can say of edits. Attributes that
    all or none of them have are left out."""
    logits, labels = judged(judge, faces)
    said = logits > cut
    result = {}
    for i, name in enumerate((*faces.attributes, PAINTED)):
        has, lacks = labels[:, i], ~labels[:, i]
        if not has.any() or not lacks.any():
            continue
        result[name] = round(((said[has, i]).float().mean() + (~said[lacks, i]).float().mean()).item() / 2, 3)
    return result


def evaluate(out: Path, small: Faces, large: Faces) -> dict[str, dict]:
    """Measures every network that is there, on faces of the editors' size and of the detectors', and detectors on the
    sample faces too; writes `evaluation.json`, and what each is worth into its card. What a card says already is not
    measured again."""
    device = small.images.device
    validation, held = small.only("validation"), small.only("held-out")
    paths = {name: out / "weights" / f"{name}.safetensors" for name in export.names()}
    editors, known = {}, {}
    for name in EDITORS:
        if paths[name].exists():
            editors[name], card = export.load(paths[name], RECIPES[name], device)
            known[name] = card.get("held_out")
    results = {name: result for name, result in known.items() if result}
    unknown = {name: net for name, net in editors.items() if not known[name]}
    if unknown:
        judge, _ = export.load(out / "judge.safetensors", RECIPES["judge"], device)
        cut = thresholds(judge, validation)
        results["judge"] = judge_itself(judge, cut, held)
        for name, net in unknown.items():
            results[name] = (editor(net, RECIPES[name], judge, cut, held) if RECIPES[name].attributes
                             else translator(net, judge, cut, held))
    sets = {"held-out faces": large.only("held-out"), "sample faces": stored(out / "faces", device)}
    sets["some held-out faces"] = sets["held-out faces"].first(SOME)
    kinds = ["swap", "warp"]
    edits = {}
    for kind, needed in (("edit", EDITORS[:3]), ("gan", EDITORS)):
        if all(name in editors for name in needed):
            kinds.append(kind)
            of = {name: editors[name] for name in needed}
            edits[kind] = {name: Editing(of, faces) for name, faces in sets.items()}
    for name, path in paths.items():
        recipe = RECIPES[name]
        if recipe.forgery in kinds and path.exists():
            net, card = export.load(path, recipe, device)

            def on(kind: str, where: str, net: nn.Module = net, recipe: Recipe = recipe) -> dict[str, float]:
                return measure(net, recipe.answer, recipe.seen, sets[where], kind, edits.get(kind, {}).get(where))

            result = card.get("held_out") or on(recipe.forgery, "held-out faces") | {
                "accuracy on": {"sample faces": on(recipe.forgery, "sample faces")["accuracy"]}}
            for kind in kinds:
                if kind != recipe.forgery and kind not in result["accuracy on"]:
                    result["accuracy on"][kind] = on(kind, "some held-out faces")["accuracy"]
            results[name] = result
    (out / "evaluation.json").write_text(json.dumps(results, indent=1) + "\n")
    for name in export.names():
        if name in results:
            net, card = export.load(paths[name], RECIPES[name], torch.device("cpu"))
            export.write(paths[name], RECIPES[name], net, card | {"held_out": results[name]})
    return results


def lacking(results: dict[str, dict]) -> list[str]:
    """What is missing, or falls short of what ships."""
    short = [f"{name}: there is none" for name in export.names() if name not in results]
    for name in export.names():
        for measure_, least in ENOUGH.items():
            value = results.get(name, {}).get(measure_, least)
            if value < least:
                short.append(f"{name}: {measure_} {value}, and {least} is asked for")
    return short
