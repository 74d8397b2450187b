"""The same networks and training step in PyTorch, for `benchmarks.training`."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CONVOLUTION = {"kernel_size": 4, "stride": 2, "padding": 1}


class Level(nn.Module):
    """One level of the U-Net with all levels below; returns its input and output, concatenated."""

    def __init__(self, outer: int, inner: int, below: nn.Module | None, dropout: bool):
        super().__init__()
        down = [nn.LeakyReLU(0.2), nn.Conv2d(outer, inner, bias=False, **CONVOLUTION)]
        down += [nn.InstanceNorm2d(inner, affine=True), below] if below else []
        up = nn.ConvTranspose2d(inner * (2 if below else 1), outer, bias=False, **CONVOLUTION)
        self.layers = nn.Sequential(*down, nn.ReLU(), up, nn.InstanceNorm2d(outer, affine=True))
        self.dropout = nn.Dropout(0.5) if dropout else nn.Identity()

    def forward(self, x):
        return torch.cat([x, self.dropout(self.layers(x))], 1)


def generator(filters: int, depth: int = 8) -> nn.Module:
    widths = [filters * min(2**level, 8) for level in range(depth)]
    below = None
    for level in range(depth - 1, 0, -1):
        below = Level(widths[level - 1], widths[level], below, level > depth - 4)
    return nn.Sequential(
        nn.Conv2d(3, filters, bias=False, **CONVOLUTION), below, nn.ReLU(),
        nn.ConvTranspose2d(2 * filters, 3, **CONVOLUTION), nn.Tanh(),
    )  # fmt: skip


def discriminator(filters: int) -> nn.Module:
    layers, widths = [nn.Conv2d(6, filters, **CONVOLUTION), nn.LeakyReLU(0.2)], [1, 2, 4, 8]
    for narrow, wide in zip(widths, widths[1:], strict=False):
        stride = 1 if wide == 8 else 2
        layers.append(nn.Conv2d(narrow * filters, wide * filters, 4, stride, 1, bias=False))
        layers += [nn.InstanceNorm2d(wide * filters, affine=True), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * filters, 1, 4, 1, 1))


def build(settings: dict, inputs: np.ndarray, targets: np.ndarray):
    """Returns a function that makes one training step, D first, and returns L1."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    g = generator(settings["generator_filters"]).to(device)
    d = discriminator(settings["discriminator_filters"]).to(device)
    adams = [torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in (g, d)]
    pictures = (torch.tensor(p, device=device) for p in (inputs, targets))
    photo, real = (p.permute(0, 3, 1, 2) / 127.5 - 1 for p in pictures)

    def criterion(logits, is_real: bool):
        return functional.softplus(-logits if is_real else logits).mean()

    def step() -> float:
        generated = g(photo)
        adams[1].zero_grad()
        fake = d(torch.cat([photo, generated.detach()], 1))
        loss = criterion(d(torch.cat([photo, real], 1)), True) + criterion(fake, False)
        (0.5 * loss).backward()
        adams[1].step()
        d.requires_grad_(False)
        adams[0].zero_grad()
        l1 = (generated - real).abs().mean()
        (criterion(d(torch.cat([photo, generated], 1)), True) + 100 * l1).backward()
        adams[0].step()
        d.requires_grad_(True)
        return float(l1)

    return step
