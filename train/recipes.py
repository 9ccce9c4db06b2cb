"""Every network that ships: its shape, what it learns from, and for how long. One row a network."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from . import attgan, detectors, judge, stargan, stgan, ugatit
from .conditions import ATTGAN, STARGAN, asked
from .data import Faces
from .detectors import Answer, Seen
from .fitting import Task
from .forgeries import Edit
from .reference.nets.attgan import AttGAN
from .reference.nets.inception_v3 import InceptionV3
from .reference.nets.mesonet import MesoNet
from .reference.nets.resnet import Bottleneck, resnet50, resnet101
from .reference.nets.stargan import StarGAN
from .reference.nets.stgan import STGAN
from .reference.nets.ugatit import UGATIT
from .reference.nets.xception import Xception
from .reference.nets.ynet import ForensicTransfer, YNet

PLAIN = Seen((0.0,) * 3, (1.0,) * 3)
SIGNED = Seen((0.5,) * 3, (0.5,) * 3)
IMAGENET = Seen((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

CLASSES = Answer("classes")
ZONES = "y holds the energies of the fake zone and of the real zone"


@dataclass(frozen=True)
class Recipe:
    """One network, from its shape to its budget."""

    name: str
    architecture: str
    """The name of its entry in moire's zoo; empty for the judge, which does not ship."""
    build: Callable[[], nn.Module]
    size: int
    seen: Seen
    labels: str
    """What its answers mean, in the words of moire's zoo."""
    steps: int
    batch: int
    share: float
    """The part of a session's minutes that it may take beside the others."""
    attributes: tuple[str, ...] = ()
    """What the numbers of an editor's condition are about."""
    config: dict = field(default_factory=dict)
    """What moire cannot read off the tensors' shapes."""
    forgery: str = ""
    answer: Answer | None = None
    decay: float = 0.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The editors whose work it learns to see."""
        return {"edit": EDITORS[:3], "gan": EDITORS}.get(self.forgery, ())

    def fresh(self, seed: int) -> nn.Module:
        """The network before training."""
        torch.manual_seed(seed ^ zlib.crc32(self.name.encode()))
        return self.build()

    def task(self, faces: Faces, net: nn.Module, edit: dict[str, Edit], rng: torch.Generator, batch: int) -> Task:
        """The training of `net`; `edit` has what edits the faces of a split."""
        if self.answer:
            return detectors.Training(faces, net, self.answer, self.seen, self.forgery, batch, self.decay, edit, rng)
        if self.name == "judge":
            return judge.Training(faces, net, batch, rng)
        if self.name == "ugatit":
            return ugatit.Training(faces, net, batch, rng)
        kind = {"stargan": stargan, "attgan": attgan, "stgan": stgan}[self.name]
        return kind.Training(faces, net, batch, rng)


EDITORS = ("stargan", "attgan", "stgan", "ugatit")

_editor = partial(Recipe, size=64, seen=SIGNED, share=0.5)
_detector = partial(Recipe, size=128, batch=32, share=0.2)


def _kinds(name: str, steps: int, other: dict[str, int] | None = None, **about: object) -> list[Recipe]:
    """One detector for each kind of forgery that papers have data sets of; `other` steps where a kind asks for them: bent
    faces are harder to tell, edits easier."""
    budgets = dict.fromkeys(("swap", "warp", "edit"), steps) | (other or {})
    return [_detector(name=f"{name}-{kind}", forgery=kind, steps=n, **about) for kind, n in budgets.items()]


def _shallow_first(net: nn.Module) -> nn.Module:
    """Every residual block adds nothing at first, so that a deep network starts as a shallow one (Goyal et al.,
    arXiv 1706.02677, section 5.1)."""
    for block in net.modules():
        if isinstance(block, Bottleneck):
            nn.init.zeros_(block.bn3.weight)
    return net


_CLASSES = {"labels": "y holds two logits: class 0 is real, class 1 is fake", "answer": CLASSES, "forgery": "swap",
            "steps": 1200, "decay": 1e-4}

RECIPES = {recipe.name: recipe for recipe in [
    Recipe("judge", "", partial(judge.Judge, 40), 64, SIGNED, "", 2000, 64, 0.2),
    _editor("stargan", "stargan", partial(StarGAN, dim=32, blocks=4), steps=9000, batch=16,
            labels="y is the edited image; c is 1 for what the face shall have, else 0", attributes=STARGAN),
    _editor("attgan", "attgan", partial(AttGAN, dim=32, depth=4, slope=0.2), steps=5000, batch=16,
            labels="y is the edited image; c is 0.5 for what the face shall have and -0.5 for the rest, 1 or -1 for "
                   "what changes", attributes=ATTGAN, config={"slope": 0.2}),
    _editor("stgan", "stgan", partial(STGAN, n=5, dim=24, depth=4), steps=5000, batch=16,
            labels="y is the edited image; c is what the face shall have minus what it has: 1, 0 or -1",
            attributes=STARGAN, config={"attributes": list(STARGAN)}),
    _editor("ugatit", "ugatit_light", partial(UGATIT, ch=24), steps=2400, batch=8,
            labels="y is the edited image; there is no condition"),
    *_kinds("ynet", architecture="ynet", build=YNet, seen=IMAGENET, steps=2000,
            other={"edit": 1000}, decay=5e-4,
            answer=Answer("zones", "mse"),
            labels=f"{ZONES}; mask is the probability that a pixel was manipulated"),
    *_kinds("forensictransfer", architecture="forensictransfer", build=ForensicTransfer, seen=IMAGENET, steps=1200,
            other={"warp": 3600}, decay=5e-4, answer=Answer("zones", "l1"), labels=ZONES),
    *_kinds("forensictransfer-residual", architecture="forensictransfer",
            build=partial(ForensicTransfer, residual=True), seen=IMAGENET, steps=1200, other={"warp": 3600},
            decay=5e-4, answer=Answer("zones", "l1"), labels=ZONES),
    *_kinds("mesoinception4", architecture="mesoinception4", build=partial(MesoNet, True, 128), seen=PLAIN, steps=1200,
            other={"warp": 3600}, answer=Answer("real"),
            labels="y is one logit; sigmoid(y) is the probability that the image is real"),
    _detector("resnet50", "resnet50", partial(resnet50, width=12), seen=IMAGENET, **(_CLASSES | {"steps": 2000})),
    _detector("resnet101", "resnet101", lambda: _shallow_first(resnet101(width=8)), seen=IMAGENET, **_CLASSES),
    _detector("xception", "xception", partial(Xception, width=0.2), seen=SIGNED, **_CLASSES),
    _detector("inception_v3", "inception_v3", partial(InceptionV3, width=0.2), seen=SIGNED,
              **(_CLASSES | {"steps": 2000})),
    _detector("cnndetection", "cnndetection", partial(resnet50, width=12, classes=1), seen=IMAGENET, steps=1200,
              decay=1e-4, forgery="gan", answer=Answer("synthetic"),
              labels="y is one logit; sigmoid(y) is the probability that the image is synthetic"),
]}


class Editing:
    """Random edits of one set of faces by trained editors, at the editors' own size."""

    size = 64

    def __init__(self, editors: dict[str, nn.Module], faces: Faces):
        self.editors = editors
        self.labels = {name: faces.columns(RECIPES[name].attributes) for name in editors}

    @torch.no_grad()
    def __call__(self, x: Tensor, at: Tensor, rng: torch.Generator) -> Tensor:
        """`x` `[n, 3, s, s]` in [0, 1], which stand at `at`, edited and back at their own size. Each editor takes an
        equal part of the batch, and draws an edit for each face."""
        small = interpolate(x, size=(self.size,) * 2, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        done = []
        for (name, net), part, rows in zip(self.editors.items(), small.chunk(len(self.editors)),
                                           at.chunk(len(self.editors)), strict=False):
            done.append(net(2 * part - 1, *self.condition(name, rows, rng))["y"] / 2 + 0.5)
        return interpolate(torch.cat(done), size=x.shape[-2:], mode="bicubic", align_corners=False).clamp(0, 1)

    def condition(self, name: str, rows: Tensor, rng: torch.Generator) -> list[Tensor]:
        """The conditions of one random edit each, or nothing for an editor that takes none."""
        attributes, labels = RECIPES[name].attributes, self.labels[name][rows]
        if not attributes:
            return []
        every = torch.stack([asked(name, attributes, labels, edit) for edit in range(len(attributes))])
        which = torch.randint(len(attributes), (len(rows),), generator=rng, device=rows.device)
        return [every[which, torch.arange(len(rows), device=rows.device)]]
