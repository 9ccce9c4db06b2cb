"""PyTorch's side of bench/compare: one frozen forward pass and its input gradient.

Usage: python torch_step.py NET BATCH [--compile]      prints one JSON object

step_ms is the median of at least five steps in the better of PyTorch's two memory layouts, eager or compiled, parameters
frozen and in evaluation mode; peak_mb is what that process held at most, weights included, beyond what the imports took;
compile_ms is what came before the first timed step: a warm-up, and torch.compile where it was asked for. A step of an
editor makes all edits that its authors publish: of one image with k conditions, encoded once where the network allows
it, as AttGAN does. Needs torch, torchvision and timm; editors are those of train/reference.
"""

import json
import os
import pathlib
import resource
import statistics
import sys
import time

import torch

REFERENCE = pathlib.Path(__file__).resolve().parent.parent / "train" / "reference"

# Where from, model, height and width.
DETECTORS = {
    "resnet50": ("torchvision", "resnet50", 224),
    "resnet101": ("torchvision", "resnet101", 224),
    "inception_v3": ("timm", "inception_v3", 299),
    "xception": ("timm", "legacy_xception", 299),
    "efficientnet_b4": ("timm", "efficientnet_b4", 380),
    "convnext_tiny": ("timm", "convnext_tiny", 224),
    "vit_b16": ("timm", "vit_base_patch16_224", 224),
}
# Module, class, edits, numbers in a condition.
EDITORS = {
    "stargan": ("stargan", "StarGAN", 5, 5),
    "attgan": ("attgan", "AttGAN", 13, 13),
    "stgan": ("stgan", "STGAN", 5, 10),
    "ugatit_light": ("ugatit", "UGATIT", 0, 0),
}


def build(name):
    """The network as a function of images, and the images' side."""
    if name in EDITORS:
        module, model, edits, width = EDITORS[name]
        sys.path.insert(0, str(REFERENCE))
        net = getattr(__import__(f"nets.{module}", fromlist=[model]), model)().eval().requires_grad_(False)
        if not edits:
            return net, lambda x: net(x)["y"], 256
        conditions = torch.eye(width)[:edits]
        rows = 1 if name == "attgan" else edits
        return net, lambda x: net(x.expand(rows, -1, -1, -1), conditions)["y"], 256
    library, model, size = DETECTORS[name]
    if library == "timm":
        import timm

        net = timm.create_model(model)
    else:
        import torchvision

        net = getattr(torchvision.models, model)(weights=None)
    return net.eval().requires_grad_(False), net, size


def held_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def median_ms(step):
    times = []
    while len(times) < 5 or (sum(times) < 1000 and len(times) < 15):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def measure(name, batch, layout, compiled):
    before = held_mb()
    torch.manual_seed(0)
    net, run, size = build(name)
    net.to(memory_format=layout)
    image = torch.rand(batch, 3, size, size)
    if compiled:
        run = torch.compile(run)

    def step():
        x = image.clone(memory_format=layout).requires_grad_(True)
        y = run(x)
        torch.autograd.grad((y * y).mean(), x)

    start = time.perf_counter()
    step()
    step()
    ready = 1e3 * (time.perf_counter() - start)
    return {"step_ms": round(median_ms(step), 1), "peak_mb": round(held_mb() - before), "compile_ms": round(ready)}


def in_own_process(*args):
    """What `measure` returns, from a fork: nothing that it holds counts for another."""
    out, to = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(to, json.dumps(measure(*args)).encode())
        finally:
            os._exit(0)
    os.close(to)
    with os.fdopen(out) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def main():
    name, batch = sys.argv[1], int(sys.argv[2])
    import timm  # noqa: F401
    import torchvision  # noqa: F401

    compiled = "--compile" in sys.argv
    layouts = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
    answers = {key: in_own_process(name, batch, layout, compiled) for key, layout in layouts.items()}
    answers = {key: answer for key, answer in answers.items() if answer}
    if not answers:
        sys.exit("both layouts failed")
    layout, best = min(answers.items(), key=lambda item: item[1]["step_ms"])
    line = {"net": name, "batch": batch, "layout": layout} | best
    print(json.dumps(line | {"torch": torch.__version__, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
