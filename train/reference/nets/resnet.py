"""ResNet-50 and ResNet-101 (arXiv 1512.03385), with torchvision's names and its stride on the 3x3."""

from torch import nn


class Bottleneck(nn.Module):
    def __init__(self, i, width, stride, first):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = nn.Identity()
        if first:
            self.downsample = nn.Sequential(nn.Conv2d(i, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + self.downsample(x)).relu()


class ResNet(nn.Module):
    def __init__(self, blocks, classes=2, width=64):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        i = width
        for layer, count in enumerate(blocks, 1):
            stack = []
            for block in range(count):
                stack.append(Bottleneck(i, width, 2 if layer > 1 and block == 0 else 1, block == 0))
                i = 4 * width
            setattr(self, f"layer{layer}", nn.Sequential(*stack))
            width *= 2
        self.fc = nn.Linear(i, classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return {"y": self.fc(x.mean((2, 3)))}


def resnet50(**kwargs):
    return ResNet((3, 4, 6, 3), **kwargs)


def resnet101(**kwargs):
    return ResNet((3, 4, 23, 3), **kwargs)
