"""Time a picture for all maps of one variant, against single calls: `python -m tests.benchmarks.activation`.

Ours: what the stage computes (17 scalars, four stages, 68 maps a picture) in padded batches on one thread. Single
calls: captum's LayerGradCam, one forward and one backward a strategy, number of features and stage, a picture at a
time, same thread, pictures and network. Both in turn, several rounds, so that other work on the machine hits both.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from precompute.activation_maps.imputation import impute_selected, impute_toz, impute_trr, impute_tzz
from precompute.activation_maps.maps import activation_maps
from precompute.activation_maps.scalars import forecast_scalars
from precompute.activation_maps.tower_stages import forward_stages
from precompute.models.runtimes import CPU_ROWS
from precompute.models.tower_loading import image_tower
from precompute.models.towers import ImageBackbone
from precompute.recipe import ImageTowerSettings
from tests.decoded import load_picture

TOPS = (1, 3, 5, 7, 13)
SELECTED = 28


def ours(backbone: ImageBackbone, pictures: Tensor, ranked: list[int], variant: str) -> dict[tuple[str, int], Tensor]:
    """All maps of a whole batch."""
    forward = forward_stages(backbone, pictures, "benchmark")
    scalars = [forecast_scalars(embedding, ranked, TOPS, seed=0) for embedding in forward.embeddings]
    return activation_maps(forward, torch.stack([one.cotangents for one in scalars]), [variant])


def single_calls(backbone: ImageBackbone, picture: Tensor, ranked: list[int], layers: list[nn.Module]) -> list[Tensor]:
    """The same maps of one picture, one captum call each, in the same order: scalars, then stages."""
    with torch.no_grad():
        e = backbone(picture)[0]
    random = torch.from_numpy(np.random.default_rng(0).random(len(e), dtype=np.float32))
    vectors = [impute_tzz(e, ranked[:n], ranked[n:]) for n in TOPS]
    vectors += [impute_toz(e, ranked[:n], ranked[n:]) for n in TOPS]
    vectors += [impute_trr(e, ranked[:n], random) for n in TOPS]
    vectors += [impute_selected(e, ranked)]
    functions = [lambda images, v=v: torch.cosine_similarity(backbone(images), v[None]) for v in vectors]
    functions.append(lambda images: backbone(images) @ e / e.norm())
    return [
        LayerGradCam(function, layer).attribute(picture, relu_attributions=True)[0, 0].detach()
        for function in functions
        for layer in layers
    ]


def stage_layers(backbone: ImageBackbone, picture: Tensor) -> list[nn.Module]:
    """The modules whose outputs are the four stages: the last of each size among those that give whole pictures."""
    forward, found = forward_stages(backbone, picture, "benchmark"), list[nn.Module]()
    outputs: dict[nn.Module, Tensor] = {}
    handles = [
        module.register_forward_hook(lambda module, _, output: outputs.__setitem__(module, output))
        for module in backbone.model.modules()
    ]
    with torch.no_grad():
        backbone(picture)
    for handle in handles:
        handle.remove()
    for stage in forward.stages:
        equal = [
            module
            for module, output in outputs.items()
            if isinstance(output, Tensor) and output.shape == stage.shape and torch.allclose(output, stage, atol=1e-4)
        ]
        found.append(equal[0])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tower", default="../shared/models/mobilenet-v2-imagenet", help="folder or hub name")
    parser.add_argument("--pictures", type=Path, default=Path("../shared/data/magnetic-tiles/test/break"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--variant", default="grad-cam")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    backbone = image_tower(ImageTowerSettings(name=options.tower), options.size, 0).backbone
    backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    files = sorted(options.pictures.iterdir())[:CPU_ROWS]
    pictures = torch.from_numpy(np.stack([load_picture(file, options.size) for file in files]))
    pictures = pictures.permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        width = backbone(pictures[:1]).shape[1]
    ranked = np.random.default_rng(0).permutation(width)[: min(SELECTED, width)].tolist()
    layers = stage_layers(backbone, pictures[:1])
    batched, single = [], []
    for number in range(options.rounds):
        started, cpu = time.perf_counter(), time.process_time()
        maps = ours(backbone, pictures, ranked, options.variant)
        batched.append(((time.perf_counter() - started) / len(files), (time.process_time() - cpu) / len(files)))
        started, cpu = time.perf_counter(), time.process_time()
        row = number % len(files)
        alone = single_calls(backbone, pictures[row : row + 1], ranked, layers)
        single.append((time.perf_counter() - started, time.process_time() - cpu))
        if options.variant == "grad-cam":
            pairs = [
                (maps["grad-cam", index % 4 + 1][row, index // 4], expected) for index, expected in enumerate(alone)
            ]
            difference = max(float((found - expected).abs().max()) for found, expected in pairs)
            print(f"round {number + 1}: largest difference of {len(alone)} maps {difference:.1e}")
    for name, taken in (("ours", batched), ("single calls", single)):
        best = np.array(taken).min(axis=0)
        print(f"{name}: {best[0]:.3f} s a picture ({best[1]:.3f} s of the processor)")
    wall, processor = (min(one[i] for one in single) / min(one[i] for one in batched) for i in (0, 1))
    print(f"{wall:.1f} times as fast ({processor:.1f} by processor time)")
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        ours(backbone, pictures, ranked, options.variant)
    print(profiled.key_averages().table(sort_by="self_cpu_time_total", row_limit=8, max_name_column_width=40))


if __name__ == "__main__":
    main()
