"""The networks, whole: image in, joint heatmaps and depth maps out; and the person finder.

The encoder and the narrow decoder are the layout of MediaPipe's BlazePose "full" landmark network
(Bazarevsky et al. 2020; inverted residuals after Sandler et al. 2018), so that its weights can serve as
the base network; batch normalisation, which that base has folded away, is back in every block. The wide
decoder and the depth maps are new. Shapes in the comments are for a 256-pixel input, batch left out.

The maps follow CN 111260774 B: of 2·J channels, the first J are heatmaps (the partial channels), the
last J depth maps. Heatmaps are logits of one softmax over all cells and a "nowhere" cell whose logit
is 0, so that a joint outside the picture has somewhere to go and a peak's mass is a confidence.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.skeleton import NUM_JOINTS

# Pictures enter as RGB in 0..1, as the base network expects them; a cell of the maps is 4 x 4 pixels.
MAP_STRIDE: Final = 4
FINDER_STRIDE: Final = 8

# kernel, stride, input, expanded, output channels of each inverted residual      map side after it
ENCODER: Final = (
    (3, 2, 16, 64, 24),  # 64
    (3, 1, 24, 144, 24),  # 64   -> fine
    (5, 2, 24, 144, 32),  # 32
    (5, 1, 32, 192, 32),  # 32   -> middle
    (3, 2, 32, 192, 64),  # 16
    (3, 1, 64, 384, 64),  # 16
    (3, 1, 64, 384, 64),  # 16
    (5, 1, 64, 384, 88),  # 16
    (5, 1, 88, 528, 88),  # 16
    (5, 1, 88, 528, 88),  # 16   -> coarse
    (5, 2, 88, 528, 144),  # 8
    (5, 1, 144, 864, 144),  # 8
    (5, 1, 144, 864, 144),  # 8
    (5, 1, 144, 864, 144),  # 8  -> whole
)
FINE, MIDDLE, COARSE, WHOLE = 1, 3, 9, 13  # the blocks whose output the decoders read


@dataclass(frozen=True, kw_only=True)
class PoseConfig:
    """What a weights file says of its network. Unknown keys are refused by `from_dict`."""

    kind: str = "pose"
    joints: int = NUM_JOINTS
    input_size: int = 256
    narrow: int = 48
    wide: int = 64

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PoseConfig:
        """Raises TypeError for an unknown key."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class FinderConfig:
    """As PoseConfig, for the finder."""

    kind: str = "finder"
    input_size: int = 256
    narrow: int = 48

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FinderConfig:
        """Raises TypeError for an unknown key."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class ConvNorm(nn.Sequential):
    """Convolution, normalisation and, unless told otherwise, ReLU6."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, *, stride: int = 1, groups: int = 1, active: bool = True
    ):
        conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
        layers: list[nn.Module] = [conv, nn.BatchNorm2d(c_out)]
        if active:
            layers.append(nn.ReLU6(inplace=True))
        super().__init__(*layers)


class InvertedResidual(nn.Module):
    """Expand with 1x1, mix in space per channel, project back with 1x1; a short cut where shapes agree."""

    def __init__(self, kernel: int, stride: int, c_in: int, expanded: int, c_out: int):
        super().__init__()
        self.expand = ConvNorm(c_in, expanded, 1)
        self.spatial = ConvNorm(expanded, expanded, kernel, stride=stride, groups=expanded)
        self.project = ConvNorm(expanded, c_out, 1, active=False)
        self.shortcut = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.spatial(self.expand(x)))
        return x + y if self.shortcut else y


class Separable(nn.Sequential):
    """3x3 per channel, then 1x1 across channels."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__(ConvNorm(c_in, c_in, 3, groups=c_in), ConvNorm(c_in, c_out, 1))


def double(x: Tensor) -> Tensor:
    """Twice the side, bilinear."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Encoder(nn.Module):
    """The picture at four scales."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(  # 3, 256, 256
            ConvNorm(3, 24, 3, stride=2),  # 24, 128, 128
            ConvNorm(24, 24, 3, groups=24),  # 24, 128, 128
            ConvNorm(24, 16, 1, active=False),  # 16, 128, 128
        )
        self.blocks = nn.ModuleList(InvertedResidual(*row) for row in ENCODER)
        self.top = nn.Sequential(ConvNorm(144, 864, 1), ConvNorm(864, 864, 3, groups=864))  # 864, 8, 8

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.stem(x)
        scales = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in (FINE, MIDDLE, COARSE):
                scales.append(x)
        fine, middle, coarse = scales  # 24, 64, 64 | 32, 32, 32 | 88, 16, 16
        return fine, middle, coarse, self.top(x)  # 864, 8, 8


class PoseNetwork(nn.Module):
    """(N, 3, S, S) RGB in 0..1 -> (N, 2·J, S/4, S/4): J heatmaps (logits), then J depth maps.

    Depth is in units of the input side, away from the camera, relative to mid-hip, in the same scale as
    x and y (weak perspective). S must be a multiple of 32.
    """

    def __init__(self, config: PoseConfig | None = None):
        super().__init__()
        self.config = config = config or PoseConfig()
        narrow, wide, maps = config.narrow, config.wide, 2 * config.joints
        self.encoder = Encoder()
        self.narrow_whole = Separable(864, narrow)  # 48, 8, 8
        self.narrow_coarse = Separable(88, narrow)  # 48, 16, 16
        self.narrow_middle = Separable(32, narrow)  # 48, 32, 32
        self.narrow_fine = Separable(24, narrow)  # 48, 64, 64
        self.wide_whole = ConvNorm(864, 2 * wide, 1, active=False)  # 128, 8, 8
        self.wide_coarse = ConvNorm(88, 2 * wide, 1, active=False)  # 128, 16, 16
        self.mix_coarse = InvertedResidual(5, 1, 2 * wide, 4 * wide, 2 * wide)  # 128, 16, 16
        self.down_coarse = ConvNorm(2 * wide, wide, 1, active=False)  # 64, 16, 16
        self.wide_middle = ConvNorm(32, wide, 1, active=False)  # 64, 32, 32
        self.mix_middle = InvertedResidual(5, 1, wide, 3 * wide, wide)  # 64, 32, 32
        self.wide_fine = ConvNorm(narrow, wide, 1, active=False)  # 64, 64, 64
        self.mix_fine = nn.Sequential(ConvNorm(wide, wide, 5, groups=wide), ConvNorm(wide, wide, 1))
        self.narrow_maps = nn.Conv2d(narrow, maps, 1)  # 38, 64, 64
        self.wide_maps = nn.Conv2d(wide, maps, 1)  # 38, 64, 64

    def forward(self, image: Tensor) -> Tensor:
        fine, middle, coarse, whole = self.encoder(image)
        # The narrow decoder is the base network's own: sums of 48 channels, coarse to fine.
        x = double(self.narrow_whole(whole)) + self.narrow_coarse(coarse)  # 48, 16, 16
        x = double(x) + self.narrow_middle(middle)  # 48, 32, 32
        x = double(x) + self.narrow_fine(fine)  # 48, 64, 64
        # The wide decoder thinks again, with more room, where thinking is cheap.
        y = self.mix_coarse(double(self.wide_whole(whole)) + self.wide_coarse(coarse))  # 128, 16, 16
        y = self.mix_middle(double(self.down_coarse(y)) + self.wide_middle(middle))  # 64, 32, 32
        y = self.mix_fine(double(y) + self.wide_fine(x))  # 64, 64, 64
        maps: Tensor = self.narrow_maps(x) + self.wide_maps(y)  # 38, 64, 64
        return maps


class FinderNetwork(nn.Module):
    """(N, 3, S, S) RGB in 0..1, the whole frame letterboxed -> (N, 4, S/8, S/8): where people are.

    Channel 0: logit that the cell holds somebody's mid-hip. Channels 1, 2: the vector from the cell's
    centre + residual to the neck. Channel 3: log of the radius: half the side of the square around mid-hip
    that holds the whole body. Vector and radius are in units of the input side.
    """

    def __init__(self, config: FinderConfig | None = None):
        super().__init__()
        self.config = config = config or FinderConfig()
        narrow = config.narrow
        self.encoder = Encoder()
        self.narrow_whole = Separable(864, narrow)  # 48, 8, 8
        self.narrow_coarse = Separable(88, narrow)  # 48, 16, 16
        self.narrow_middle = Separable(32, narrow)  # 48, 32, 32
        self.mix = InvertedResidual(5, 1, narrow, 3 * narrow, narrow)  # 48, 32, 32
        self.maps = nn.Conv2d(narrow, 4, 1)  # 4, 32, 32
        nn.init.normal_(self.maps.weight, std=0.01)
        with torch.no_grad():  # hardly any cell holds a mid-hip: begin by believing that
            self.maps.bias.copy_(torch.tensor([-4.0, 0.0, 0.0, -1.2]))  # type: ignore[union-attr]

    def forward(self, image: Tensor) -> Tensor:
        _, middle, coarse, whole = self.encoder(image)
        x = double(self.narrow_whole(whole)) + self.narrow_coarse(coarse)  # 48, 16, 16
        x = double(x) + self.narrow_middle(middle)  # 48, 32, 32
        maps: Tensor = self.maps(self.mix(x))  # 4, 32, 32
        return maps


def build(config: dict[str, Any]) -> PoseNetwork | FinderNetwork:
    """The network that a weights file's configuration describes. Raises ValueError for an unknown kind."""
    if config.get("kind") == "pose":
        return PoseNetwork(PoseConfig.from_dict(config))
    if config.get("kind") == "finder":
        return FinderNetwork(FinderConfig.from_dict(config))
    raise ValueError(f'unknown kind of network {config.get("kind")!r}: expected "pose" or "finder"')
