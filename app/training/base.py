"""Starting from the pre-trained base network: its folded arrays into our modules, normalisation put back.

A network whose batch norm is folded into its convolutions collapses at ordinary learning rates. Here each
normalisation is set from the statistics of real pictures such that the network computes exactly what it
did before, and can then be trained like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from app.network import ConvNorm, FinderNetwork, PoseNetwork
from app.training.archives import open_arrays
from app.training.peer import LANDMARKS

Pair = tuple[int, int]  # tensor numbers of a layer's kernel and bias in the base's .tflite file


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Where a base network keeps the layers of our encoder and narrow decoder, as they are computed."""

    stem: tuple[Pair, ...]
    blocks: tuple[tuple[Pair, Pair, Pair], ...]  # expand, spatial, project
    top: tuple[Pair, ...]
    narrow: dict[str, tuple[Pair, Pair]]
    maps: Pair


# BlazePose "full" and "heavy".
_NUMBERS: Final = {
    "mobile": Numbers(
        stem=((478, 353), (440, 423), (522, 534)),
        blocks=(
            ((495, 361), (384, 436), (345, 356)),
            ((439, 531), (404, 441), (412, 473)),
            ((483, 407), (513, 396), (525, 509)),
            ((378, 466), (390, 462), (350, 363)),
            ((421, 532), (405, 504), (488, 448)),
            ((459, 383), (521, 357), (530, 493)),
            ((502, 402), (371, 471), (381, 367)),
            ((426, 443), (435, 512), (399, 411)),
            ((468, 510), (481, 388), (442, 452)),
            ((343, 430), (497, 476), (507, 374)),
            ((386, 449), (418, 518), (429, 415)),
            ((474, 491), (485, 370), (446, 456)),
            ((515, 366), (529, 408), (489, 500)),
            ((391, 479), (354, 524), (364, 422)),
        ),
        top=((433, 496), (395, 375)),
        narrow={
            "narrow_whole": ((467, 346), (406, 416)),
            "narrow_coarse": ((349, 414), (358, 484)),
            "narrow_middle": ((431, 455), (394, 526)),
            "narrow_fine": ((444, 379), (454, 352)),
        },
        maps=(410, 389),
    ),
    "large": Numbers(
        stem=((796, 731), (720, 858), (934, 861)),
        blocks=(
            ((1061, 876), (805, 705), (1005, 1026)),
            ((852, 1082), (777, 817), (964, 998)),
            ((802, 1013), (718, 1093), (915, 943)),
            ((746, 722), (1080, 992), (888, 811)),
            ((1011, 760), (754, 1021), (953, 976)),
            ((800, 917), (723, 743), (924, 949)),
            ((750, 1007), (1064, 841), (869, 898)),
            ((1090, 950), (1030, 785), (838, 764)),
            ((958, 921), (931, 752), (748, 1067)),
            ((878, 1086), (902, 822), (1088, 1014)),
            ((819, 956), (848, 791), (1041, 980)),
            ((787, 904), (715, 734), (912, 928)),
            ((730, 874), (1050, 821), (859, 885)),
            ((1094, 1036), (1018, 770), (831, 853)),
            ((1038, 908), (960, 741), (772, 797)),
            ((988, 856), (935, 1076), (737, 1062)),
            ((865, 827), (882, 1047), (1073, 1004)),
            ((808, 769), (835, 990), (1045, 965)),
            ((781, 719), (803, 860), (985, 914)),
            ((721, 806), (747, 1027), (862, 890)),
            ((1079, 776), (954, 997), (757, 801)),
            ((991, 717), (919, 944), (729, 751)),
            ((940, 1081), (870, 1032), (1065, 1091)),
            ((812, 753), (839, 977), (1034, 959)),
            ((763, 724), (784, 948), (973, 909)),
            ((706, 1063), (749, 897), (945, 879)),
            ((1070, 1031), (1096, 765), (895, 820)),
            ((1016, 975), (1042, 702), (761, 788)),
        ),
        top=((982, 930), (913, 1068)),
        narrow={
            "narrow_whole": ((733, 903), (704, 847)),
            "narrow_coarse": ((1012, 979), (815, 716)),
            "narrow_middle": ((981, 929), (783, 1056)),
            "narrow_fine": ((1033, 884), (833, 1017)),
        },
        maps=(755, 925),
    ),
}


def _kernel(array: np.ndarray) -> Tensor:
    """(out, h, w, in) of an ordinary or (1, h, w, channels) of a depthwise convolution -> torch's layout."""
    axes = (3, 0, 1, 2) if array.shape[0] == 1 and array.shape[1] > 1 else (0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(array.astype(np.float32).transpose(axes)))


def load_base(network: PoseNetwork | FinderNetwork, arrays_file: Path, pictures: Tensor) -> None:
    """Fills `network` in place from the base network's arrays.

    arrays_file: the npz with tensors named by number.
    pictures: (N, 3, S, S) RGB in 0..1, some dozens of real ones, from which normalisation is set.
    Layers that the base does not have keep their fresh weights. Raises OSError or KeyError if the file is
    not that network.
    """
    with open_arrays(arrays_file) as file:
        arrays = {name: file[name] for name in file.files}
    known: dict[nn.Module, Tensor] = {}  # ConvNorm -> folded bias

    def put(block: nn.Module, numbers: tuple[int, int]) -> None:
        assert isinstance(block, ConvNorm)
        conv = block[0]
        assert isinstance(conv, nn.Conv2d)
        conv.weight.data.copy_(_kernel(arrays[str(numbers[0])]))
        known[block] = torch.from_numpy(arrays[str(numbers[1])].astype(np.float32))

    architecture = network.config.architecture if isinstance(network, PoseNetwork) else "mobile"
    base = _NUMBERS[architecture]
    for layer, numbers in zip(network.encoder.stem, base.stem, strict=True):
        put(layer, numbers)
    for block, rows in zip(network.encoder.blocks, base.blocks, strict=True):
        for name, numbers in zip(("expand", "spatial", "project"), rows, strict=True):
            put(getattr(block, name), numbers)
    for layer, numbers in zip(network.encoder.top, base.top, strict=True):
        put(layer, numbers)
    for name, pair in base.narrow.items():
        if hasattr(network, name):
            for layer, numbers in zip(getattr(network, name), pair, strict=True):
                put(layer, numbers)
    if isinstance(network, PoseNetwork):
        kernel, bias = (
            _kernel(arrays[str(base.maps[0])]),
            torch.from_numpy(arrays[str(base.maps[1])].astype(np.float32)),
        )
        with torch.no_grad():
            known_heat = network.narrow_maps.heat
            for layer in (network.narrow_maps, network.wide_maps):
                for conv in (layer.heat, layer.depth):
                    nn.init.normal_(conv.weight, std=0.001)
                    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            for joint, landmark in LANDMARKS.items():
                known_heat.weight[joint] = kernel[landmark]
                known_heat.bias[joint] = bias[landmark]  # type: ignore[index]
    _set_normalisation(network, known, pictures)


@torch.no_grad()
def _set_normalisation(network: nn.Module, known: dict[nn.Module, Tensor], pictures: Tensor) -> None:
    """Sets each normalisation, in the order of computation, to undo itself on these pictures."""
    hooks = []
    for block in network.modules():
        if not isinstance(block, ConvNorm):
            continue

        def set_from(
            _conv: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor, block: ConvNorm = block
        ) -> None:
            norm = block[1]
            assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
            assert norm.running_var is not None
            mean, var = out.mean((0, 2, 3)), out.var((0, 2, 3))
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)
            if block in known:
                norm.weight.copy_((var + norm.eps).sqrt())
                norm.bias.copy_(mean + known[block])

        hooks.append(block[0].register_forward_hook(set_from))
    was_training = network.training
    network.eval()
    network(pictures)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
