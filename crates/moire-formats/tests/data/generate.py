"""Writes the small checkpoints beside this file: `python generate.py` with torch and h5py installed.

Each holds the same few tensors, so that one test can compare the formats. Values are small multiples of 1/8, which
every element type here holds exactly.
"""

import inspect
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np
import torch

HERE = Path(__file__).parent


def ramp(*shape):
    count = int(np.prod(shape))
    return (torch.arange(count, dtype=torch.float32) / 8 - 1).reshape(shape)


def state():
    shared = ramp(6)
    return {
        "epoch": 7,
        "lr": 1e-3,
        "note": "not a tensor",
        "milestones": [10, 20],
        "scale": np.float64(0.5),
        "net": OrderedDict(
            [
                ("float", ramp(2, 3)),
                ("half", ramp(2, 3).half()),
                ("bfloat16", ramp(2, 3).bfloat16()),
                ("double", ramp(2, 3).double()),
                ("transposed", ramp(3, 2).t()),
                ("window", shared[2:5]),
                ("every_second", shared[::2]),
                ("scalar", torch.tensor(2.5)),
                ("empty", torch.zeros(0, 4)),
                ("expanded", torch.tensor([1.5]).expand(3, 2)),
                ("parameter", torch.nn.Parameter(ramp(2, 2))),
                ("bool", torch.tensor([True, False])),
                ("byte", torch.tensor([0, 255], dtype=torch.uint8)),
                ("bn.num_batches_tracked", torch.tensor(41)),
            ]
        ),
        "optimizer": {"state": {0: {"exp_avg": ramp(2), "step": 3}}, "param_groups": [{"lr": 1e-3, "params": [0]}]},
    }


class Separable(torch.nn.Module):
    """A class that whoever reads the file does not have."""

    def __init__(self):
        super().__init__()
        self.dtype = torch.float32
        self.device = torch.device("cpu")
        self.names = {"depthwise", "pointwise"}
        self.depthwise = torch.nn.Conv2d(2, 2, 1, groups=2, bias=False)
        self.rest = torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
        for i, tensor in enumerate(self.state_dict().values()):
            tensor.copy_(ramp(*tensor.shape) + i)


def module():
    """A whole module where a state dict is expected, as older training code saves it."""
    return {"net": torch.nn.DataParallel(Separable()), "epoch": 3}


def keras(path, **options):
    with h5py.File(path, "w", **options) as file:
        file.attrs["backend"] = np.bytes_("tensorflow")
        file.attrs["keras_version"] = np.bytes_("2.1.5")
        file.attrs["layer_names"] = np.array([b"conv2d_1", b"flatten_1"])
        group = file.create_group("conv2d_1").create_group("conv2d_1")
        group.create_dataset("kernel:0", data=ramp(2, 1, 3).numpy())
        group.create_dataset("bias:0", data=ramp(3).numpy().astype("<f8"))
        group.create_dataset("steps:0", data=np.int64(41))
        group.create_dataset("note:0", data=np.bytes_("not a tensor"))
        file.create_group("flatten_1")


def main():
    torch.save(state(), HERE / "zip.pt")
    torch.save(state(), HERE / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(state(), HERE / "legacy_protocol4.pt", _use_new_zipfile_serialization=False, pickle_protocol=4)
    # The legacy format stores the source of every class; these files hold no code but a word in its place.
    inspect.getsourcelines, inspect.getsourcefile = lambda _: (["source"], 0), lambda _: "source.py"
    torch.save(module(), HERE / "module.pt")
    torch.save(module(), HERE / "module_legacy.pt", _use_new_zipfile_serialization=False)
    keras(HERE / "old_style.h5", libver=("earliest", "v108"))
    keras(HERE / "latest.h5", libver="latest")


if __name__ == "__main__":
    main()
