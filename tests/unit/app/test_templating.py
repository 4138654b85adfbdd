"""How numbers are written."""

import pytest

from app.templating import percent, signed_number, thousands


@pytest.mark.parametrize(
    ("share", "decimals", "written"),
    [
        (0.5, 0, "50 %"),
        (0.001, 0, "< 1 %"),
        (0.9999, 0, "> 99 %"),
        (1.0, 0, "100 %"),
        (0.0, 1, "0.0 %"),
        (0.99999, 1, "> 99.9 %"),
        (None, 0, "–"),
        (float("nan"), 0, "–"),
    ],
)
def test_percent(share: float | None, decimals: int, written: str) -> None:
    assert percent(share, decimals).replace("\N{NARROW NO-BREAK SPACE}", " ") == written


def test_weights_carry_a_true_minus_sign() -> None:
    assert signed_number(-0.0451) == "−0.045"
    assert signed_number(0.12) == "+0.120"


def test_thousands_are_set_apart() -> None:
    assert thousands(16774) == "16\N{NARROW NO-BREAK SPACE}774"
