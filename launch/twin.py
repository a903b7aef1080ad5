"""The network and its loss in PyTorch, with our weights: what is timed beside ours.

Needs PyTorch, which nothing else here does. Layers bear the names of ours.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lmkjax.losses import landmark


def norm(features: int) -> nn.GroupNorm:
    """The most groups, up to 8, that divide the channels."""
    groups = next(n for n in range(min(8, features), 0, -1) if features % n == 0)
    return nn.GroupNorm(groups, features, eps=1e-5)


class Residual(nn.Module):
    """As `models.blocks.Residual`."""

    def __init__(self, enters: int, features: int):
        """From so many channels to so many."""
        super().__init__()
        inside = max(features // 2, 1)
        self.norm_narrow, self.narrow = norm(enters), nn.Conv2d(enters, inside, 1)
        self.norm_look = norm(inside)
        self.look = nn.Conv2d(inside, inside, 3, padding=1)
        self.norm_widen, self.widen = norm(inside), nn.Conv2d(inside, features, 1)
        self.match = nn.Conv2d(enters, features, 1) if enters != features else None

    def forward(self, x):
        """The input, looked at once."""
        y = self.narrow(functional.relu(self.norm_narrow(x)))
        y = self.look(functional.relu(self.norm_look(y)))
        y = self.widen(functional.relu(self.norm_widen(y)))
        return (self.match(x) if self.match else x) + y


class Hourglass(nn.Module):
    """As `models.hourglass.Hourglass`."""

    def __init__(self, depth: int, features: int):
        """Halves `depth` times."""
        super().__init__()
        self.detail, self.enter = (Residual(features, features) for _ in range(2))
        self.inner = Hourglass(depth - 1, features) if depth > 1 else None
        self.middle = None if depth > 1 else Residual(features, features)
        self.leave = Residual(features, features)

    def forward(self, x):
        """What the face looks like around each cell."""
        y = self.enter(functional.max_pool2d(x, 2))
        y = self.leave((self.inner or self.middle)(y))
        return self.detail(x) + functional.interpolate(y, scale_factor=2.0)


class Stem(nn.Module):
    """As `models.hourglass.Stem`."""

    def __init__(self, features: int):
        """To so many channels."""
        super().__init__()
        half = max(features // 2, 1)
        self.look, self.norm = nn.Conv2d(12, half, 3, padding=1), norm(half)
        self.first = Residual(half, features)
        self.second = Residual(features, features)

    def forward(self, image):
        """Features of RGB in [0, 1]."""
        x = self.look(functional.pixel_unshuffle(image - 0.5, 2))
        x = functional.max_pool2d(functional.relu(self.norm(x)), 2)
        return self.second(self.first(x))


class Net(nn.Module):
    """As `models.hourglass.HourglassNet`, with free kernels for its maps."""

    def __init__(
        self, *, stacks: int, features: int, depth: int, landmarks: int, gain: float
    ):
        """Its sizes."""
        super().__init__()
        each, between = range(stacks), range(stacks - 1)
        self.gain = gain
        self.stem = Stem(features)
        self.hourglasses = nn.ModuleList(Hourglass(depth, features) for _ in each)
        self.residuals = nn.ModuleList(Residual(features, features) for _ in each)
        self.linears = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in each)
        self.norms = nn.ModuleList(norm(features) for _ in each)
        self.fc = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in between)
        self.kernels = nn.Parameter(torch.zeros(stacks, landmarks, features))

    def forward(self, image):
        """The maps of every stack, [b k h w] each."""
        x, maps = self.stem(image), []
        for i, kernels in enumerate(self.kernels):
            y = self.residuals[i](self.hourglasses[i](x))
            y = functional.relu(self.norms[i](self.linears[i](y)))
            found = functional.conv2d(y, kernels[:, :, None, None].to(y.dtype))
            maps.append(self.gain * found.float())
            if i < len(self.fc):
                x = x + self.fc[i](y)
        return maps


def loss(maps, target, sigma_px: float, entropy: float = 0.25):
    """As `losses.landmark.points`, of every stack; the mean over faces and points.

    Args:
        maps: logits [b k h w] of each stack.
        target: true points [b k 2], pixels of the maps.
        sigma_px: of the Gaussian, pixels of the maps.
        entropy: weight of the cross-entropy.
    """
    total = 0.0
    for logits in maps:
        h, w = logits.shape[-2:]
        x, y = (torch.arange(n, device=logits.device) + 0.5 for n in (w, h))
        across, down = (
            torch.softmax(-((at - target[..., i, None]) ** 2) / (2 * sigma_px**2), -1)
            for i, at in enumerate((x, y))
        )
        log_share = functional.log_softmax(logits.flatten(2), -1).view_as(logits)
        share = log_share.exp()
        pred = torch.stack([(share.sum(2) * x).sum(-1), (share.sum(3) * y).sum(-1)], -1)
        apart = (pred - target) * (landmark.SIDE / w)
        distance = (apart.square().sum(-1) + 1e-6).sqrt()
        wanted = ((log_share * across[:, :, None]).sum(3) * down).sum(-1)
        total = total + (distance - entropy * wanted).mean()
    return total


def soft_argmax(logits):
    """The mean place under the softmax of each map [b k 2], pixels of the maps."""
    h, w = logits.shape[-2:]
    x, y = (torch.arange(n, device=logits.device) + 0.5 for n in (w, h))
    share = torch.softmax(logits.flatten(2), -1).view_as(logits)
    return torch.stack([(share.sum(2) * x).sum(-1), (share.sum(3) * y).sum(-1)], -1)


def load(net: Net, params: Mapping[str, Any], kernels: np.ndarray) -> None:
    """Gives a network the weights of ours.

    Args:
        net: changed in place.
        params: of `HourglassNet`.
        kernels: of the landmarks [s k c].
    """
    ours = {}
    _flatten(params, "", ours)
    ours["kernels"] = kernels
    own = {name: value.shape for name, value in net.state_dict().items()}
    if ours.keys() != own.keys():
        raise ValueError(f"Other layers than ours: {sorted(ours.keys() ^ own.keys())}.")
    state = {name: torch.from_numpy(np.array(value)) for name, value in ours.items()}
    net.load_state_dict(state)


def _flatten(tree, prefix, into):
    """Flax's tree under PyTorch's names, kernels in PyTorch's order of axes."""
    for name, value in tree.items():
        head, _, number = name.rpartition("_")
        name = f"{head}.{number}" if number.isdigit() else name
        if isinstance(value, Mapping):
            _flatten(value, f"{prefix}{name}.", into)
            continue
        value, name = (
            np.asarray(value),
            {"scale": "weight", "offset": "bias"}.get(name, name),
        )
        if name == "kernel":
            value, name = value.reshape((1, 1, *value.shape)[-4:]), "weight"
            if prefix == "stem.look.":  # we fold pixels before channels, they after
                folded = value.reshape(3, 3, 2, 2, 3, -1).transpose(0, 1, 4, 2, 3, 5)
                value = folded.reshape(value.shape)
            value = value.transpose(3, 2, 0, 1)
        into[f"{prefix}{name}"] = value
