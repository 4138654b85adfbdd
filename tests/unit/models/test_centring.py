"""Centring: exactly the same function, and far less harm from bfloat16."""

import torch
from torch import Tensor, nn

from precompute.models.centring import CentredConvolution, centre
from precompute.models.runtimes import Execution, make_forward


def off_centre(shift: float) -> nn.Module:
    """A 1x1 convolution whose inputs lie around `shift`, with a spread of about 1, and weights that cancel it."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 32, 1)
    with torch.no_grad():
        assert first.bias is not None
        first.bias += shift
        second.weight -= second.weight.mean(1, keepdim=True)
    return nn.Sequential(first, second, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def pictures() -> Tensor:
    return torch.rand(8, 3, 24, 24, generator=torch.Generator().manual_seed(1))


def centred_parts(module: nn.Module) -> int:
    return sum(isinstance(part, CentredConvolution) for part in module.modules())


def test_a_centred_network_computes_the_same_and_leaves_the_first_as_it_was() -> None:
    module = off_centre(30)
    centred = centre(module, (pictures()[:2],))
    assert (centred_parts(module), centred_parts(centred)) == (0, 1)
    with torch.no_grad():
        assert torch.allclose(centred(pictures()), module(pictures()), atol=1e-4)


def test_only_what_bfloat16_would_harm_is_centred() -> None:
    assert centred_parts(centre(off_centre(0), (pictures(),))) == 0
    padded = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1, padding=1), nn.Conv2d(4, 4, 1, groups=4))
    with torch.no_grad():
        assert padded[0].bias is not None
        padded[0].bias += 100
    assert centred_parts(centre(padded, (pictures(),))) == 0


def test_bfloat16_on_openvino_comes_several_times_as_near_to_float32() -> None:
    module = off_centre(30)
    with torch.no_grad():
        expected = module(pictures())
    execution = Execution("openvino", "bfloat16", 8, threads=1)
    plain = make_forward(module, execution)(pictures()) - expected
    centred = make_forward(module, execution, (pictures(),))(pictures()) - expected
    if plain.abs().max() < 1e-4:  # a processor without bfloat16 computes in float32
        assert centred.abs().max() < 1e-4
    else:
        assert 5 * centred.norm() < plain.norm()
