"""Hold `moire eval` to the numbers of an independent port of the real detectors.

Usage: python checks/oracles.py [MOIRE [SHARED]]      (`make oracles` installs what it needs)

The pixels come from Pillow, whose JPEG decoder the numbers were made with: decoders differ in the last
level, and these detectors notice. Prints every number that is off by more than 1e-4 of itself, then the worst.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

LIMIT = 1e-4


def pixels(key: str, shared: Path) -> np.ndarray:
    """The image that a key of the oracle names, [1, 3, h, w] in [0, 1]."""
    if key.startswith("ramp"):
        c, i, j = np.indices((3, 256, 256))
        x = (7 * c + 3 * i + 5 * j) % 256 / 255
    else:
        path, _, left_half = key.partition("[")
        x = np.asarray(Image.open(shared / path).convert("RGB")).transpose(2, 0, 1) / 255
        if left_half:
            x = x[:, :, :256]
    return np.ascontiguousarray(x[None], dtype=np.float32)


def answers(outputs: dict[str, np.ndarray]) -> dict[str, float]:
    """A network's outputs as the oracle states them."""
    y = outputs["y"][0].astype(np.float64)
    if "mask" not in outputs:
        return {"": 1 / (1 + np.exp(-y[0]))}
    mask = outputs["mask"].astype(np.float64)
    return {"a0": y[0], "a1": y[1], "seg_mean_p1": mask.mean(), "seg_frac_ge_.5": (mask >= 0.5).mean()}


def main(moire: Path, shared: Path) -> int:
    worst = count = 0
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "x.safetensors"), Path(folder, "y.safetensors")
        for key, networks in json.loads((shared / "oracles/detectors.json").read_text()).items():
            save_file({"x": pixels(key, shared)}, given)
            for spec, expected in networks.items():
                name, path = spec.split(":")
                command = [moire, "eval", f"{name}:{shared / path}", "--input", given, "--out", made]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                expected = expected if isinstance(expected, dict) else {"": expected}
                for part, value in answers(load_file(made)).items():
                    error = abs(value - expected[part]) / (abs(expected[part]) or 1)
                    worst, count = max(worst, error), count + 1
                    if error > LIMIT:
                        print(f"{spec} on {key}: {part} {value}, expected {expected[part]}")
    print(f"{count} numbers, the worst off by {worst:.1e} of itself")
    return int(worst > LIMIT)


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    defaults = [here / "target/release/moire", here.parent / "shared"]
    chosen = [Path(a) for a in sys.argv[1:]]
    sys.exit(main(*chosen, *defaults[len(chosen):]))
