"""A map equals a reference implementation: one picture, scalar and stage, autograd by hand; Grad-CAM captum's too."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn
from transformers import MobileNetV2Config, MobileNetV2Model, ResNetConfig, ResNetModel, ViTConfig, ViTModel

from db.errors import UserError
from precompute.activation_maps.imputation import cosine_cotangents, image_cotangents
from precompute.activation_maps.maps import activation_maps
from precompute.activation_maps.scalars import forecast_scalars
from precompute.activation_maps.tower_stages import forward_stages
from precompute.activation_maps.variants import VARIANTS
from precompute.models.tower_loading import image_tower
from precompute.models.towers import ImageBackbone
from precompute.recipe import ImageTowerSettings
from tests.decoded import load_picture

pytestmark = pytest.mark.slow

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _resnet() -> nn.Module:
    torch.manual_seed(1)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 12, 16, 24], depths=[1, 2, 1, 1], layer_type="basic")
    return ResNetModel(config)


def _mobilenet() -> nn.Module:
    torch.manual_seed(2)
    return MobileNetV2Model(MobileNetV2Config(depth_multiplier=0.2, min_depth=8, finegrained_output=False))


def _settled(model: nn.Module) -> ImageBackbone:
    """Batch norms as training would leave them, else the random network hardly tells pictures apart."""
    generator = torch.Generator().manual_seed(3)
    backbone = ImageBackbone(model, MEAN, STD).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # one batch gives the running statistics
            module.weight.data = torch.rand(module.num_features, generator=generator) + 0.5
            module.bias.data = torch.randn(module.num_features, generator=generator) * 0.2
    with torch.no_grad():
        backbone(torch.rand(8, 3, 64, 64, generator=generator))
    return backbone.eval()


@pytest.fixture(scope="module", params=[_resnet, _mobilenet])
def backbone(request: pytest.FixtureRequest) -> ImageBackbone:
    return _settled(request.param())


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(4))


def _stages(backbone: ImageBackbone, picture: Tensor) -> tuple[list[Tensor], Tensor]:
    """The reference's own walk: hidden states by size, and the pooled embedding, of one picture [1, 3, h, w]."""
    answer = backbone.model(pixel_values=(picture - backbone.mean) / backbone.std, output_hidden_states=True)
    by_size = {}
    for state in [*answer.hidden_states, answer.last_hidden_state]:
        by_size[tuple(state.shape[2:])] = state
    sizes = sorted(by_size, reverse=True)[-4:]
    return [by_size[size] for size in sizes], answer.last_hidden_state.mean(dim=(2, 3))[0]


def plain_map(variant: str, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """The definitions, channel by channel and place by place."""
    _, height, width = activations.shape
    found = np.zeros((height, width))
    for a, g in zip(activations.astype(np.float64), gradients.astype(np.float64), strict=True):
        if variant == "hires-cam":
            found += a * g
        elif variant == "layer-cam":
            found += a * np.maximum(g, 0)
        else:
            if variant == "grad-cam":
                weight = g.sum() / (height * width)
            elif variant == "xgrad-cam":
                weight = (g * a / a.sum()).sum() if a.any() else 0
            else:
                weight = 0.0
                for one in g[g > 0]:  # others have no share
                    bottom = 2 * one**2 + a.sum() * one**3
                    weight += one * one**2 / bottom if abs(bottom) > torch.finfo(torch.float32).tiny else 0
            found += weight * a
    return np.maximum(found, 0)


def _scaled(found: Any) -> np.ndarray:
    array = np.asarray(found, dtype=np.float64)
    return array / max(array.max(), 1e-30)


CASES = [
    *((variant, torch.float64, 1e-5) for variant in VARIANTS),
    *((variant, torch.float32, 1e-4) for variant in ("grad-cam", "hires-cam", "layer-cam")),
]
"""How near the reference must be: in float64 1e-5, raw and scaled to the maximum. In float32 a tower
rounds otherwise at another batch size and number of threads, and XGrad-CAM and Grad-CAM++ divide by sums
of activations, which in a MobileNet's linear layers may be next to nothing: there the rounding shows.
"""


def _ranked(width: int) -> list[int]:
    return torch.randperm(width, generator=torch.Generator().manual_seed(5))[:9].tolist()


@pytest.mark.parametrize(("variant", "precision", "tolerance"), CASES)
def test_a_map_equals_its_reference_implementation(
    backbone: ImageBackbone, pictures: Tensor, variant: str, precision: torch.dtype, tolerance: float
) -> None:
    backbone, pictures = copy.deepcopy(backbone).to(precision), pictures.to(precision)
    forward = forward_stages(backbone, pictures, "small")
    ranked = _ranked(forward.embeddings.shape[1])
    scalars = [forecast_scalars(one, ranked, (1, 5), seed=6) for one in forward.embeddings]
    maps = activation_maps(forward, torch.stack([one.cotangents for one in scalars]), [variant])
    random = torch.from_numpy(np.random.default_rng(6).random(forward.embeddings.shape[1], dtype=np.float32))
    random = random.to(precision)
    compared = 0
    for row, picture in enumerate(pictures):
        for column, scalar in enumerate(scalars[row].scalars):
            for stage in (1, 2, 3, 4):
                stages, embedding = _stages(backbone, picture[None])
                e = embedding.detach()
                if scalar.strategy == "image":
                    value = (embedding * e).sum() / e.norm()
                else:
                    v = torch.zeros_like(e) if scalar.strategy != "TRR" else random.clone()
                    if scalar.strategy == "TOZ":
                        v[ranked] = 1.0
                    kept = ranked if scalar.strategy == "selected" else ranked[: scalar.top]
                    v[kept] = e[kept]
                    value = (embedding * v).sum() / (embedding.norm() * v.norm())
                    assert scalar.cosine == pytest.approx(value.item(), abs=1e-5)
                (gradient,) = torch.autograd.grad(value, stages[stage - 1])
                reference = plain_map(variant, stages[stage - 1][0].detach().numpy(), gradient[0].numpy())
                found = maps[variant, stage][row, column]
                np.testing.assert_allclose(found, reference, rtol=tolerance, atol=tolerance)
                if reference.max() >= 1e-8 and precision == torch.float64:
                    np.testing.assert_allclose(_scaled(found), _scaled(reference), atol=1e-5)
                compared += reference.max() >= 1e-8
    assert compared > 2 * 8 * 2


def _layers(backbone: ImageBackbone) -> list[nn.Module]:
    """The modules whose outputs are the four stages."""
    model = backbone.model
    if hasattr(model, "encoder"):
        return list(model.encoder.stages)
    sizes: dict[tuple[int, ...], nn.Module] = {}
    state = model.conv_stem(torch.zeros(1, 3, 64, 64).double())
    for layer in [*model.layer, model.conv_1x1]:
        state = layer(state)
        sizes[tuple(state.shape[2:])] = layer
    return list(sizes.values())[-4:]


def test_grad_cam_equals_captums(backbone: ImageBackbone, pictures: Tensor) -> None:
    backbone, pictures = copy.deepcopy(backbone).double(), pictures.double()
    forward = forward_stages(backbone, pictures, "small")
    v = torch.rand(forward.embeddings.shape[1], generator=torch.Generator().manual_seed(7)).double()
    cotangents = cosine_cotangents(forward.embeddings, v.expand_as(forward.embeddings))
    maps = activation_maps(forward, cotangents[:, None], ["grad-cam"])
    for stage, layer in enumerate(_layers(backbone), start=1):
        captum = LayerGradCam(lambda images: torch.cosine_similarity(backbone(images), v[None]), layer)
        for row, picture in enumerate(pictures):
            expected = captum.attribute(picture[None].requires_grad_(), relu_attributions=True)[0, 0].detach()
            np.testing.assert_allclose(maps["grad-cam", stage][row, 0], expected, atol=1e-5)
            np.testing.assert_allclose(_scaled(maps["grad-cam", stage][row, 0]), _scaled(expected), atol=1e-5)


@pytest.mark.shared
def test_the_maps_of_the_shared_network_equal_the_reference_implementations(shared_models: Path, tiles: Path) -> None:
    name = str(shared_models / "mobilenet-v2-imagenet")
    backbone = image_tower(ImageTowerSettings(name=name), 256, 0).backbone.double()
    files = [next((tiles / "test" / label).iterdir()) for label in ("break", "crack")]
    pictures = torch.from_numpy(np.stack([load_picture(file, 256) for file in files])).permute(0, 3, 1, 2) / 255.0
    forward = forward_stages(backbone, pictures.double(), name)
    ranked = _ranked(1280)
    scalars = [forecast_scalars(one, ranked, (5,), seed=6) for one in forward.embeddings]
    maps = activation_maps(forward, torch.stack([one.cotangents for one in scalars]), list(VARIANTS))
    for row, picture in enumerate(pictures.double()):
        stages, embedding = _stages(backbone, picture[None])
        for column, cotangent in enumerate(scalars[row].cotangents):
            gradients = torch.autograd.grad(embedding @ cotangent, stages, retain_graph=True)
            for stage, (activation, gradient) in enumerate(zip(stages, gradients, strict=True), start=1):
                for variant in VARIANTS:
                    reference = plain_map(variant, activation[0].detach().numpy(), gradient[0].numpy())
                    found = maps[variant, stage][row, column]
                    np.testing.assert_allclose(found, reference, rtol=1e-5, atol=1e-5)
                    if reference.max() >= 1e-8:
                        np.testing.assert_allclose(_scaled(found), _scaled(reference), atol=1e-5)


def test_the_picture_against_itself_has_a_map_though_its_cosine_has_no_gradient(pictures: Tensor) -> None:
    embeddings = forward_stages(_settled(_resnet()), pictures, "small").embeddings
    assert cosine_cotangents(embeddings, embeddings).abs().max() < 1e-6
    np.testing.assert_allclose(image_cotangents(embeddings).norm(dim=1), 1, rtol=1e-6)


def _hooks(module: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(part, kind)) for part in module.modules() for kind in kinds)


def test_neither_hooks_nor_gradients_are_left_behind(backbone: ImageBackbone, pictures: Tensor) -> None:
    before = _hooks(backbone)
    forward = forward_stages(backbone, pictures, "small")
    activation_maps(forward, torch.ones(2, 2, forward.embeddings.shape[1]), list(VARIANTS))
    assert _hooks(backbone) == before
    with pytest.raises(RuntimeError):
        forward_stages(backbone, torch.zeros(1, 5, 64, 64), "small")
    with pytest.raises(RuntimeError):
        forward.gradients(torch.ones(2, 7))
    assert _hooks(backbone) == before
    assert all(parameter.grad is None for parameter in backbone.parameters())


def test_a_tower_without_spatial_stages_is_refused_in_one_line() -> None:
    config = ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=32, patch_size=16
    )
    backbone = ImageBackbone(ViTModel(config), MEAN, STD).eval()
    with pytest.raises(UserError, match=r"^image tower my-vit: has 0 spatial resolution\(s\).*microsoft/resnet-18"):
        forward_stages(backbone, torch.zeros(1, 3, 32, 32), "my-vit")
