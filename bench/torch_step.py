"""PyTorch's side of bench/compare: one frozen forward pass and its input gradient.

Usage: python torch_step.py NET BATCH [--compile]      prints one JSON object

step_ms is the median of seven steps in the better of PyTorch's two memory layouts, eager or compiled, parameters frozen
and in evaluation mode; peak_mb is what the process held at most, weights included, beyond what the imports took.
Needs torch, torchvision and timm.
"""

import json
import resource
import statistics
import sys
import time

import torch

NETS = {
    "resnet50": ("torchvision", "resnet50", 224),
    "resnet101": ("torchvision", "resnet101", 224),
    "inception_v3": ("timm", "inception_v3", 299),
    "xception": ("timm", "legacy_xception", 299),
    "efficientnet_b4": ("timm", "efficientnet_b4", 380),
    "convnext_tiny": ("timm", "convnext_tiny", 224),
    "vit_b16": ("timm", "vit_base_patch16_224", 224),
}
RUNS = 7


def build(name):
    library, model, size = NETS[name]
    if library == "timm":
        import timm

        return timm.create_model(model), size
    import torchvision

    return getattr(torchvision.models, model)(weights=None), size


def held_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def median_ms(step):
    step()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main():
    name, batch = sys.argv[1], int(sys.argv[2])
    torch.manual_seed(0)
    import timm  # noqa: F401
    import torchvision  # noqa: F401

    before = held_mb()
    net, size = build(name)
    net.eval().requires_grad_(False)
    image = torch.rand(batch, 3, size, size)
    best = float("inf")
    for layout in (torch.contiguous_format, torch.channels_last):
        net.to(memory_format=layout)
        run = torch.compile(net) if "--compile" in sys.argv else net

        def step():
            x = image.clone(memory_format=layout).requires_grad_(True)
            y = run(x)
            torch.autograd.grad((y * y).mean(), x)

        best = min(best, median_ms(step))
    line = {"net": name, "batch": batch, "step_ms": round(best, 1), "peak_mb": round(held_mb() - before)}
    print(json.dumps(line | {"torch": torch.__version__, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
