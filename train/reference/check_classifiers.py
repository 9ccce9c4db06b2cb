"""The classifiers of `nets` against torchvision's and timm's own: the same names and shapes, the same answers."""

import timm
import torch
import torchvision

import seeded
from nets.convnext import ConvNeXt
from nets.efficientnet import EfficientNet
from nets.inception_v3 import InceptionV3
from nets.resnet import resnet50, resnet101
from nets.vit import ViT


def main():
    theirs = {
        "resnet50": (resnet50, torchvision.models.resnet50(num_classes=2), 224),
        "resnet101": (resnet101, torchvision.models.resnet101(num_classes=2), 224),
        "inception_v3": (InceptionV3, torchvision.models.inception_v3(num_classes=2, init_weights=False), 299),
        "efficientnet_b4": (EfficientNet, timm.create_model("efficientnet_b4", num_classes=2), 380),
        "convnext_tiny": (ConvNeXt, timm.create_model("convnext_tiny", num_classes=2), 224),
        "vit_b16": (ViT, timm.create_model("vit_base_patch16_224", num_classes=2), 224),
    }
    for name, (build, other, size) in theirs.items():
        ours, other = build().eval(), other.eval()
        state = {k: v for k, v in other.state_dict().items() if not k.startswith("AuxLogits.")}
        assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in ours.state_dict().items()}, name
        with torch.no_grad():
            for k, v in state.items():
                if not k.endswith("num_batches_tracked"):
                    v.copy_(torch.from_numpy(seeded.tensor(7, k, tuple(v.shape))))
            ours.load_state_dict(state)
            x = torch.from_numpy(seeded.uniform(7, "x", (1, 3, size, size), -1.0, 1.0))
            y, expected = ours(x)["y"], other(x)
        distance = ((y - expected).norm() / expected.norm()).item()
        assert distance < 1e-4, f"{name}: {distance}"
        print(f"{name}: {len(state)} tensors of the same names, answers within {distance:.1e}")


if __name__ == "__main__":
    main()
