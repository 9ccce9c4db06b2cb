"""The networks that goldens are made of: narrow ones for the repository, and the published widths."""

from dataclasses import dataclass, field
from typing import Callable

from nets.attgan import AttGAN
from nets.convnext import ConvNeXt
from nets.efficientnet import EfficientNet
from nets.inception_v3 import InceptionV3
from nets.mesonet import MesoNet
from nets.resnet import resnet50, resnet101
from nets.stargan import StarGAN
from nets.stgan import STGAN
from nets.ugatit import UGATIT
from nets.vit import ViT
from nets.xception import Xception
from nets.ynet import ForensicTransfer, YNet

PLAIN = ([0.0] * 3, [1.0] * 3)
SIGNED = ([0.5] * 3, [0.5] * 3)
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


@dataclass
class Case:
    name: str
    entry: str
    build: Callable
    size: int
    preprocess: tuple
    domains: int = 0
    """Conditions at once; 0 for what takes none."""
    width: int = 0
    """Numbers in a condition."""
    config: dict = field(default_factory=dict)
    """What the shapes do not show, as in the metadata of a moire file."""
    inside: str = ""
    """The part of the official checkpoint that the network is."""


NARROW = [
    Case("meso4", "meso4", lambda: MesoNet(False, 64), 64, PLAIN),
    Case("mesoinception4", "mesoinception4", lambda: MesoNet(True, 64), 64, PLAIN),
    Case("ynet", "ynet", YNet, 64, IMAGENET),
    Case("forensictransfer", "forensictransfer", ForensicTransfer, 64, IMAGENET),
    Case("forensictransfer_residual", "forensictransfer", lambda: ForensicTransfer(residual=True), 64, IMAGENET),
    Case("forensictransfer_deeper", "forensictransfer", lambda: YNet(segmenter=False), 64, IMAGENET),
    Case("resnet50", "resnet50", lambda: resnet50(width=8), 64, IMAGENET, inside="state_dict"),
    Case("resnet101", "resnet101", lambda: resnet101(width=4), 64, IMAGENET),
    Case("cnndetection", "cnndetection", lambda: resnet50(width=8, classes=1), 64, IMAGENET, inside="model"),
    Case("inception_v3", "inception_v3", lambda: InceptionV3(width=1 / 16), 96, SIGNED),
    Case("xception", "xception", lambda: Xception(width=1 / 16), 96, SIGNED, inside="model"),
    Case("xception_dropout", "xception", lambda: Xception(width=1 / 32, dropout=True), 64, SIGNED, inside="model"),
    Case("efficientnet_b4", "efficientnet_b4", lambda: EfficientNet(width=1 / 8, depth=2), 64, IMAGENET),
    Case("convnext_tiny", "convnext_tiny", lambda: ConvNeXt(width=8, blocks=(1, 1, 2, 1)), 64, IMAGENET),
    Case("vit_b16", "vit_b16", lambda: ViT(width=128, blocks=2, size=48), 48, SIGNED),
    Case("stargan", "stargan", lambda: StarGAN(dim=8, blocks=3), 64, SIGNED, 3, 5),
    Case("attgan", "attgan", lambda: AttGAN(dim=4), 64, SIGNED, 2, 13, inside="G"),
    Case("attgan_inject", "attgan", lambda: AttGAN(dim=4, inject=1), 64, SIGNED, 2, 13, inside="G"),
    Case("attgan_shortcuts", "attgan", lambda: AttGAN(dim=8, shortcut=3, inject=2, slope=0.2), 64, SIGNED, 2, 13,
         {"slope": 0.2}, inside="G"),
    Case("stgan", "stgan", lambda: STGAN(dim=8), 64, SIGNED, 2, 10, inside="state_dict"),
    Case("stgan_bias", "stgan", lambda: STGAN(n=5, dim=4, units=4, last_bias=True), 64, SIGNED, 2, 5,
         {"attributes": ["Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young"]}),
    Case("stgan_authors", "stgan", lambda: STGAN(n=13, dim=4, units=4, authors=True, more=False, last_bias=True), 64,
         SIGNED, 2, 13),
    Case("ugatit_light", "ugatit_light", lambda: UGATIT(ch=4, blocks=2), 64, SIGNED, inside="genA2B"),
    Case("ugatit", "ugatit", lambda: UGATIT(ch=4, blocks=2, light=False, size=64), 64, SIGNED, inside="genA2B"),
]

PUBLISHED = [
    Case("meso4", "meso4", lambda: MesoNet(False), 256, PLAIN),
    Case("mesoinception4", "mesoinception4", lambda: MesoNet(True), 256, PLAIN),
    Case("ynet", "ynet", YNet, 256, IMAGENET),
    Case("forensictransfer", "forensictransfer", ForensicTransfer, 256, IMAGENET),
    Case("resnet50", "resnet50", resnet50, 224, IMAGENET),
    Case("resnet101", "resnet101", resnet101, 224, IMAGENET),
    Case("cnndetection", "cnndetection", lambda: resnet50(classes=1), 224, IMAGENET),
    Case("inception_v3", "inception_v3", InceptionV3, 299, SIGNED),
    Case("xception", "xception", Xception, 299, SIGNED),
    Case("efficientnet_b4", "efficientnet_b4", EfficientNet, 380, IMAGENET),
    Case("convnext_tiny", "convnext_tiny", ConvNeXt, 224, IMAGENET),
    Case("vit_b16", "vit_b16", ViT, 224, SIGNED),
    Case("stargan", "stargan", StarGAN, 256, SIGNED, 5, 5),
    Case("attgan", "attgan", AttGAN, 256, SIGNED, 2, 13),
    Case("attgan_inject", "attgan", lambda: AttGAN(inject=1), 256, SIGNED, 2, 13),
    Case("stgan", "stgan", STGAN, 256, SIGNED, 2, 10),
    Case("stgan_authors", "stgan", lambda: STGAN(n=13, units=4, authors=True, more=False, last_bias=True), 128, SIGNED,
         2, 13),
    Case("ugatit_light", "ugatit_light", UGATIT, 256, SIGNED),
]
