"""`python -m train`: see README.md beside this file."""

import argparse
import sys
from pathlib import Path

import torch

from . import session
from .recipes import RECIPES

STEPS = ("all", "faces", "evaluate", "export")


def main() -> int:
    options = arguments()
    session.settings(options)
    actions = {"all": session.everything, "faces": session.sample_faces, "evaluate": session.evaluated,
               "export": session.exported}
    for what in options.what:
        code = actions[what](options) if what in actions else session.one(RECIPES[what], options)
        if code:
            return code
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m train", description=__doc__)
    parser.add_argument("what", nargs="+", choices=[*STEPS, *RECIPES], metavar="WHAT",
                        help=f"a network ({', '.join(RECIPES)}), or {', '.join(STEPS)}")
    parser.add_argument("--data", type=Path, default=Path("../shared/images"), help="a zip, or a folder")
    parser.add_argument("--out", type=Path, default=Path("target/train"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--minutes", type=float, help="time for `all`, or for each network; without it, steps decide")
    parser.add_argument("--jobs", type=int, help="trainings at once, for `all`: 8 on a GPU, else 1")
    parser.add_argument("--threads", type=int, help="threads of each training: PyTorch's own choice")
    parser.add_argument("--compile", action="store_true",
                        help="editors through torch.compile, which needs a C++ compiler: 1.6 times as fast on a CPU")
    parser.add_argument("--samples", type=int, default=36, help="how many sample faces")
    parser.add_argument("--limit", type=int, help="the first N faces alone")
    parser.add_argument("--steps", type=int, help="instead of the recipes'")
    parser.add_argument("--batch", type=int, help="instead of the recipes'")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
