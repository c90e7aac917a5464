"""The networks, whole: image in, joint heatmaps and depth maps out; and the person finder.

The maps follow CN 111260774 B: of 2·J channels, the first J are heatmaps (the partial channels), the
last J depth maps (with the first J: all channels). Heatmaps are logits of one softmax over all cells and a
"nowhere" cell whose logit is 0, so that a joint outside the picture has somewhere to go and a peak's mass
is a confidence.

Five base networks give these maps, each at a quarter of the input's side:
mobile      the default, for CPUs. The encoder and the narrow decoder are the layout of MediaPipe's BlazePose
            "full" landmark network (Bazarevsky et al. 2020; inverted residuals after Sandler et al. 2018), so
            that its weights can serve as the base; batch normalisation, which that base has folded away, is
            back in every block. The wide decoder and the depth maps are new.
large       the same with the encoder of BlazePose "heavy": seven times the weights, four times the work.
ensemble    both at once, their maps averaged.
hourglass   stacked hourglasses (Newell et al. 2016), for GPUs.
cpm         the convolutional pose machine (Wei et al. 2016), for GPUs.

`forward` gives the last maps; `stages` those of every stack or stage, all of which training supervises.
Shapes in the comments are for a 256-pixel input and default widths, batch left out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.skeleton import NUM_JOINTS

# Pictures enter as RGB in 0..1, as the base network expects them; a cell of the maps is 4 x 4 pixels.
MAP_STRIDE: Final = 4
FINDER_STRIDE: Final = 8


@dataclass(frozen=True, kw_only=True)
class EncoderLayout:
    """How an encoder of inverted residuals is built: channels after the first and the last convolution of the
    stem; kernel, stride, input, expanded, output channels of each block; the blocks whose output the decoders
    read (fine, middle, coarse), and the channels of the top, which they read too."""

    stem: int
    thin: int
    blocks: tuple[tuple[int, int, int, int, int], ...]
    read: tuple[int, int, int]
    top: int


# Those of BlazePose's landmark networks "full" and "heavy", which can serve as bases.
ENCODERS: Final = {
    "mobile": EncoderLayout(
        stem=24,
        thin=16,
        blocks=(  # map side after it
            (3, 2, 16, 64, 24),  # 64
            (3, 1, 24, 144, 24),  # 64   -> fine
            (5, 2, 24, 144, 32),  # 32
            (5, 1, 32, 192, 32),  # 32   -> middle
            (3, 2, 32, 192, 64),  # 16
            *((3, 1, 64, 384, 64),) * 2,  # 16
            (5, 1, 64, 384, 88),  # 16
            *((5, 1, 88, 528, 88),) * 2,  # 16   -> coarse
            (5, 2, 88, 528, 144),  # 8
            *((5, 1, 144, 864, 144),) * 3,  # 8
        ),
        read=(1, 3, 9),
        top=864,
    ),
    "large": EncoderLayout(
        stem=24,
        thin=24,
        blocks=(
            (3, 2, 24, 96, 32),  # 64
            (3, 1, 32, 128, 32),  # 64
            *((3, 1, 32, 192, 32),) * 2,  # 64   -> fine
            (5, 2, 32, 192, 56),  # 32
            *((5, 1, 56, 336, 56),) * 3,  # 32   -> middle
            (3, 2, 56, 336, 112),  # 16
            *((3, 1, 112, 672, 112),) * 5,  # 16
            (5, 1, 112, 672, 160),  # 16
            *((5, 1, 160, 960, 160),) * 5,  # 16   -> coarse
            (5, 2, 160, 960, 272),  # 8
            *((5, 1, 272, 1632, 272),) * 7,  # 8
        ),
        read=(3, 7, 19),
        top=1632,
    ),
}


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """What a weights file says of its network."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Raises TypeError for an unknown key."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class PoseConfig(NetworkConfig):
    """The mobile network. encoder_width multiplies the encoder's channels; narrow, wide: the decoders'."""

    kind: str = "pose"
    architecture: str = "mobile"
    joints: int = NUM_JOINTS
    input_size: int = 256
    narrow: int = 48
    wide: int = 64
    encoder_width: float = 1.0


@dataclass(frozen=True, kw_only=True)
class LargeConfig(PoseConfig):
    """The mobile network with the larger encoder."""

    architecture: str = "large"


@dataclass(frozen=True, kw_only=True)
class EnsembleConfig(PoseConfig):
    """The mobile and the large network together."""

    architecture: str = "ensemble"


@dataclass(frozen=True, kw_only=True)
class HourglassConfig(NetworkConfig):
    """Stacked hourglasses: how many, and the channels of their features (the paper: 8 and 256)."""

    kind: str = "pose"
    architecture: str = "hourglass"
    joints: int = NUM_JOINTS
    input_size: int = 256
    stacks: int = 2
    width: int = 256


@dataclass(frozen=True, kw_only=True)
class CpmConfig(NetworkConfig):
    """The convolutional pose machine: how many stages, and their channels (the paper: 6 and 128)."""

    kind: str = "pose"
    architecture: str = "cpm"
    joints: int = NUM_JOINTS
    input_size: int = 256
    stages: int = 3
    width: int = 128


@dataclass(frozen=True, kw_only=True)
class FinderConfig(NetworkConfig):
    """The finder."""

    kind: str = "finder"
    input_size: int = 256
    narrow: int = 48


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


class Maps(nn.Module):
    """The output layer: J heatmaps by one 1x1 convolution, J depth maps by another.

    Two layers, because a 2D-labelled image may have to leave the depth layer's parameters alone.
    """

    def __init__(self, c_in: int, joints: int):
        super().__init__()
        self.heat = nn.Conv2d(c_in, joints, 1)
        self.depth = nn.Conv2d(c_in, joints, 1)
        # Begin flat: depths at random are far longer bones than anybody has.
        nn.init.normal_(self.depth.weight, std=0.001)
        nn.init.zeros_(self.depth.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.heat(x), self.depth(x)], 1)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        # Older weights files hold the two as one layer, heatmaps first.
        for name in ("weight", "bias"):
            whole = state.pop(prefix + name, None)
            if whole is not None:
                state[f"{prefix}heat.{name}"], state[f"{prefix}depth.{name}"] = whole.chunk(2)
        super()._load_from_state_dict(state, prefix, *rest)


def double(x: Tensor) -> Tensor:
    """Twice the side, bilinear."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Encoder(nn.Module):
    """The picture at four scales. `channels`: of the fine, middle, coarse and whole one."""

    def __init__(self, layout: EncoderLayout = ENCODERS["mobile"], width: float = 1.0) -> None:
        super().__init__()

        def wide(channels: int) -> int:  # a multiple of 8, as vector units like them
            return max(8, round(channels * width / 8) * 8)

        stem, thin, top = wide(layout.stem), wide(layout.thin), wide(layout.top)
        self.stem = nn.Sequential(  # 3, 256, 256
            ConvNorm(3, stem, 3, stride=2),  # 24, 128, 128
            ConvNorm(stem, stem, 3, groups=stem),  # 24, 128, 128
            ConvNorm(stem, thin, 1, active=False),  # 16, 128, 128
        )
        self.blocks = nn.ModuleList(
            InvertedResidual(kernel, stride, *(wide(channels) for channels in row))
            for kernel, stride, *row in layout.blocks
        )
        self.top = nn.Sequential(
            ConvNorm(wide(layout.blocks[-1][-1]), top, 1), ConvNorm(top, top, 3, groups=top)
        )  # 864, 8, 8
        self.read = layout.read
        self.channels = (*(wide(layout.blocks[i][-1]) for i in layout.read), top)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.stem(x)
        scales = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.read:
                scales.append(x)
        fine, middle, coarse = scales  # 24, 64, 64 | 32, 32, 32 | 88, 16, 16
        return fine, middle, coarse, self.top(x)  # 864, 8, 8


class PoseNetwork(nn.Module):
    """(N, 3, S, S) RGB in 0..1 -> (N, 2·J, S/4, S/4): J heatmaps (logits), then J depth maps.

    Depth is in units of the input side, away from the camera, relative to mid-hip, in the same scale as
    x and y (weak perspective). S must be a multiple of 32.
    """

    size_multiple: Final = 32

    def __init__(self, config: PoseConfig | None = None):
        super().__init__()
        self.config = config = config or PoseConfig()
        narrow, wide, joints = config.narrow, config.wide, config.joints
        self.encoder = Encoder(ENCODERS[config.architecture], config.encoder_width)
        fine, middle, coarse, whole = self.encoder.channels  # 24, 32, 88, 864
        self.narrow_whole = Separable(whole, narrow)  # 48, 8, 8
        self.narrow_coarse = Separable(coarse, narrow)  # 48, 16, 16
        self.narrow_middle = Separable(middle, narrow)  # 48, 32, 32
        self.narrow_fine = Separable(fine, narrow)  # 48, 64, 64
        self.wide_whole = ConvNorm(whole, 2 * wide, 1, active=False)  # 128, 8, 8
        self.wide_coarse = ConvNorm(coarse, 2 * wide, 1, active=False)  # 128, 16, 16
        self.mix_coarse = InvertedResidual(5, 1, 2 * wide, 4 * wide, 2 * wide)  # 128, 16, 16
        self.down_coarse = ConvNorm(2 * wide, wide, 1, active=False)  # 64, 16, 16
        self.wide_middle = ConvNorm(middle, wide, 1, active=False)  # 64, 32, 32
        self.mix_middle = InvertedResidual(5, 1, wide, 3 * wide, wide)  # 64, 32, 32
        self.wide_fine = ConvNorm(narrow, wide, 1, active=False)  # 64, 64, 64
        self.mix_fine = nn.Sequential(ConvNorm(wide, wide, 5, groups=wide), ConvNorm(wide, wide, 1))
        self.narrow_maps = Maps(narrow, joints)  # 38, 64, 64
        self.wide_maps = Maps(wide, joints)  # 38, 64, 64

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

    def stages(self, image: Tensor) -> list[Tensor]:
        return [self(image)]


# ---------------------------------------------------------------- both sizes together


class EnsembleNetwork(nn.Module):
    """As PoseNetwork: the weighted mean of the maps of a mobile and a large one, whose errors differ.

    The mean of logits is the geometric mean of what both hold likely, so a joint lies where both say so; the
    small one counts more in depth, which all of its layers have learnt.
    """

    size_multiple: Final = 32
    HEAT, DEPTH = 0.5, 0.7  # how much the mobile network counts

    def __init__(self, config: EnsembleConfig | None = None):
        super().__init__()
        self.config = config = config or EnsembleConfig()
        values = {**config.to_dict(), "architecture": "mobile"}
        self.mobile = PoseNetwork(PoseConfig.from_dict(values))
        self.large = PoseNetwork(LargeConfig.from_dict({**values, "architecture": "large"}))

    def forward(self, image: Tensor) -> Tensor:
        large, mobile = self.large(image), self.mobile(image)
        joints = self.config.joints
        heat = torch.lerp(large[:, :joints], mobile[:, :joints], self.HEAT)
        depth = torch.lerp(large[:, joints:], mobile[:, joints:], self.DEPTH)
        return torch.cat([heat, depth], 1)

    def stages(self, image: Tensor) -> list[Tensor]:
        return [self(image)]


# ---------------------------------------------------------------- stacked hourglass


class Residual(nn.Module):
    """The bottleneck of Newell et al. 2016: normalise, ReLU, convolve, three times (He et al. 2016)."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        half = c_out // 2
        self.layers = nn.Sequential(
            nn.BatchNorm2d(c_in), nn.ReLU(), nn.Conv2d(c_in, half, 1, bias=False),
            nn.BatchNorm2d(half), nn.ReLU(), nn.Conv2d(half, half, 3, padding=1, bias=False),
            nn.BatchNorm2d(half), nn.ReLU(), nn.Conv2d(half, c_out, 1),
        )  # fmt: skip
        self.shortcut = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.shortcut(x) + self.layers(x)
        return y


class Hourglass(nn.Module):
    """Down to a sixteenth and back up, with a way across at each scale; shape kept."""

    def __init__(self, width: int, depth: int = 4):
        super().__init__()
        self.across = Residual(width, width)
        self.down = Residual(width, width)
        self.inner = Hourglass(width, depth - 1) if depth > 1 else Residual(width, width)
        self.up = Residual(width, width)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        y: Tensor = self.across(x) + F.interpolate(low, scale_factor=2.0, mode="nearest")
        return y


class HourglassNetwork(nn.Module):
    """As PoseNetwork, by stacked hourglasses (Newell et al., "Stacked Hourglass Networks for Human Pose
    Estimation", ECCV 2016): each stack sees the picture's features and the maps of the one before. S must
    be a multiple of 64.
    """

    size_multiple: Final = 64

    def __init__(self, config: HourglassConfig | None = None):
        super().__init__()
        self.config = config = config or HourglassConfig()
        width, stacks = config.width, range(config.stacks)
        self.stem = nn.Sequential(  # 3, 256, 256
            ConvNorm(3, width // 4, 7, stride=2),  # 64, 128, 128
            Residual(width // 4, width // 2),  # 128, 128, 128
            nn.MaxPool2d(2),  # 128, 64, 64
            Residual(width // 2, width // 2),
            Residual(width // 2, width),  # 256, 64, 64
        )
        self.hourglasses = nn.ModuleList(
            nn.Sequential(Hourglass(width), Residual(width, width), ConvNorm(width, width, 1)) for _ in stacks
        )  # 256, 64, 64
        self.maps = nn.ModuleList(Maps(width, config.joints) for _ in stacks)  # 38, 64, 64
        self.again = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in stacks[1:])
        self.told = nn.ModuleList(nn.Conv2d(2 * config.joints, width, 1) for _ in stacks[1:])

    def forward(self, image: Tensor) -> Tensor:
        return self.stages(image)[-1]

    def stages(self, image: Tensor) -> list[Tensor]:
        x = self.stem(image)  # 256, 64, 64
        all_maps: list[Tensor] = []
        for i, (hourglass, to_maps) in enumerate(zip(self.hourglasses, self.maps, strict=True)):
            y = hourglass(x)  # 256, 64, 64
            all_maps.append(to_maps(y))  # 38, 64, 64
            if i < len(self.again):
                x = x + self.again[i](y) + self.told[i](all_maps[-1])
        return all_maps


# ---------------------------------------------------------------- convolutional pose machine


class CpmNetwork(nn.Module):
    """As PoseNetwork, by a convolutional pose machine (Wei et al., "Convolutional Pose Machines", CVPR 2016):
    stages of large kernels, each of which sees the picture's features and the maps of the one before.

    The paper's layers with normalisation added, without which they hardly train from a fresh start; its maps
    of S/8 are doubled. S must be a multiple of 8.
    """

    size_multiple: Final = 8

    def __init__(self, config: CpmConfig | None = None):
        super().__init__()
        self.config = config = config or CpmConfig()
        width, maps = config.width, 2 * config.joints

        def features() -> nn.Sequential:
            return nn.Sequential(  # 3, 256, 256
                ConvNorm(3, width, 9), nn.MaxPool2d(2),  # 128, 128, 128
                ConvNorm(width, width, 9), nn.MaxPool2d(2),  # 128, 64, 64
                ConvNorm(width, width, 9), nn.MaxPool2d(2),  # 128, 32, 32
                ConvNorm(width, width // 4, 5),  # 32, 32, 32
            )  # fmt: skip

        self.first = nn.Sequential(
            features(),
            ConvNorm(width // 4, 4 * width, 9),  # 512, 32, 32
            ConvNorm(4 * width, 4 * width, 1),
            Maps(4 * width, config.joints),  # 38, 32, 32
        )
        later = range(config.stages - 1)
        if later:
            self.features = features()
        self.later = nn.ModuleList(
            nn.Sequential(
                ConvNorm(width // 4 + maps, width, 11),  # 128, 32, 32
                ConvNorm(width, width, 11),
                ConvNorm(width, width, 11),
                ConvNorm(width, width, 1),
                Maps(width, config.joints),  # 38, 32, 32
            )
            for _ in later
        )

    def forward(self, image: Tensor) -> Tensor:
        return self.stages(image)[-1]

    def stages(self, image: Tensor) -> list[Tensor]:
        all_maps: list[Tensor] = [self.first(image)]  # 38, 32, 32
        if self.later:
            seen = self.features(image)  # 32, 32, 32
            for stage in self.later:
                all_maps.append(stage(torch.cat([seen, all_maps[-1]], 1)))
        return [double(maps) for maps in all_maps]  # 38, 64, 64


class FinderNetwork(nn.Module):
    """(N, 3, S, S) RGB in 0..1, the whole frame letterboxed -> (N, 4, S/8, S/8): where people are.

    Channel 0: logit that the cell holds somebody's mid-hip. Channels 1, 2: the vector from the cell's
    centre + residual to the neck. Channel 3: log of the radius: half the side of the square around mid-hip
    that holds the whole body. Vector and radius are in units of the input side.
    """

    size_multiple: Final = 32

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

    def stages(self, image: Tensor) -> list[Tensor]:
        return [self(image)]


# ---------------------------------------------------------------- by name

AnyNetwork = PoseNetwork | EnsembleNetwork | HourglassNetwork | CpmNetwork | FinderNetwork
AnyConfig = PoseConfig | HourglassConfig | CpmConfig | FinderConfig
_ARCHITECTURES: Final[dict[str, type[PoseConfig | HourglassConfig | CpmConfig]]] = {
    "mobile": PoseConfig,
    "large": LargeConfig,
    "ensemble": EnsembleConfig,
    "hourglass": HourglassConfig,
    "cpm": CpmConfig,
}


def config_type(values: dict[str, Any]) -> type[AnyConfig]:
    """Which kind of configuration `values` are; without an architecture, the mobile network's.

    Raises ValueError for an unknown kind or architecture.
    """
    if values.get("kind") == "finder":
        return FinderConfig
    if values.get("kind") != "pose":
        raise ValueError(f'unknown kind of network {values.get("kind")!r}: expected "pose" or "finder"')
    name = values.get("architecture", "mobile")
    if name not in _ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r}: expected one of {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[name]


def build(values: dict[str, Any]) -> AnyNetwork:
    """The network that a weights file's configuration describes.

    Raises ValueError for an unknown kind or architecture, TypeError for an unknown key.
    """
    match config_type(values).from_dict(values):
        case FinderConfig() as config:
            return FinderNetwork(config)
        case HourglassConfig() as config:
            return HourglassNetwork(config)
        case CpmConfig() as config:
            return CpmNetwork(config)
        case EnsembleConfig() as config:
            return EnsembleNetwork(config)
        case config:
            return PoseNetwork(config)
