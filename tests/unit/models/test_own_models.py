"""A user's own model: found, made, and held to the protocol."""

import textwrap
from pathlib import Path

import pytest
import torch

from db.errors import UserError
from precompute.models.own_models import load_own
from precompute.models.prediction import predict_all
from precompute.models.protocol import DualStreamModel, Entry, Model
from precompute.recipe import ModelSettings

CLASSES = ["a", "b", "c"]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> object:
    """Write a module into the working folder and name its class for a recipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = f"own_{abs(hash(request.node.name))}"

    def written(body: str, class_name: str = "Mine", **options: object) -> ModelSettings:
        (tmp_path / f"{module}.py").write_text("import torch\n" + textwrap.dedent(body))
        return ModelSettings(name="mine", kind="own", entry_point=f"{module}:{class_name}", options=options)

    return written


def model(predict: str, classes: str = '["a", "b", "c"]') -> str:
    return f"""
    class Mine:
        def __init__(self, weight=1.0):
            self.classes = {classes}
            self.weight = weight
        def predict(self, images, entries):
            return {predict}
    """


def ask(made: Model) -> torch.Tensor:
    return made.predict(torch.rand(2, 3, 8, 8), [[Entry("x")], []])


def test_options_reach_the_model_and_its_answers_come_through(write) -> None:  # type: ignore[no-untyped-def]
    made = load_own(write(model("torch.tensor([[self.weight, 1 - self.weight, 0.]] * 2)"), weight=0.25), CLASSES)
    assert made.classes == CLASSES
    assert torch.equal(ask(made), torch.tensor([[0.25, 0.75, 0.0]] * 2))
    assert not isinstance(made, DualStreamModel)


def test_classes_in_another_order_are_brought_into_the_data_sets(write) -> None:  # type: ignore[no-untyped-def]
    body = model("torch.tensor([[.7, .2, .1]] * 2)", classes='["c", "a", "b"]')
    assert torch.allclose(ask(load_own(write(body), CLASSES)), torch.tensor([[0.2, 0.1, 0.7]] * 2))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("class Other: pass", "has no class Mine"),
        ("raise RuntimeError('boom')", "cannot import it"),
        ("import no_such_package_anywhere", "cannot import it"),
        ("class Mine:\n    classes = ['a', 'b', 'c']", "needs `classes` and `predict"),
        ("class Mine:\n    def __init__(self): raise ValueError('no weights')", "cannot be made.*no weights"),
        ("class Mine:\n    classes = ['a', 'b']\n    def predict(self, images, entries): ...", "classes differ.*c"),
    ],
)
def test_what_is_no_model_is_refused_by_name(write, body: str, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=message) as caught:
        load_own(write(body), CLASSES)
    assert "model mine" in str(caught.value)


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        ("torch.ones(2, 4) / 4", r"gave \(2, 4\), expected a tensor \(2, 3\)"),
        ("[[1, 0, 0]] * 2", "gave list"),
        ("torch.full((2, 3), float('nan'))", "NaN"),
        ("torch.ones(2, 3)", "apply softmax"),
        ("torch.tensor([[-1., 1., 1.]] * 2)", "apply softmax"),
    ],
)
def test_answers_that_are_no_probabilities_are_refused(write, predict: str, message: str) -> None:  # type: ignore[no-untyped-def]
    made = load_own(write(model(predict)), CLASSES)
    with pytest.raises(UserError, match=message):
        ask(made)


def test_unknown_options_and_entry_points_are_refused(write) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match="cannot be made with options"):
        load_own(write(model("None"), speed=3), CLASSES)
    with pytest.raises(UserError, match="'module:Class'"):
        load_own(ModelSettings(name="mine", kind="own", entry_point="just_a_module"), CLASSES)


class _OnGpu(torch.Tensor):
    """Stands for a tensor on a GPU: what is not brought to the CPU stays one of these."""

    def cpu(self) -> torch.Tensor:  # type: ignore[override]
        return self.as_subclass(torch.Tensor)


def test_a_model_is_given_tensors_on_the_cpu(write) -> None:  # type: ignore[no-untyped-def]
    body = """
    class Mine:
        classes = ["a", "b", "c"]
        def predict(self, images, entries):
            assert type(images) is torch.Tensor
            return torch.full((len(images), 3), 1 / 3)
        def embed_images(self, images):
            assert type(images) is torch.Tensor
            return images.mean(dim=(2, 3)).as_subclass(self.on_gpu)
        def embed_texts(self, entries):
            return torch.zeros(len(entries), 1).as_subclass(self.on_gpu)
        def fuse(self, images, texts, available):
            assert type(images) is type(texts) is torch.Tensor
            return torch.full((len(images), 3), 1 / 3)
    """
    settings = write(body)
    made = load_own(settings, CLASSES)
    assert isinstance(made, DualStreamModel)
    made._model.on_gpu = _OnGpu  # type: ignore[attr-defined]
    images, entries = torch.rand(2, 3, 8, 8).as_subclass(_OnGpu), [[Entry("x")], []]
    answer = made.predict(images, entries)
    embeddings = made.embed_images(images), made.embed_texts(entries)
    assert torch.equal(made.fuse(*embeddings, torch.ones(2, 2, dtype=torch.bool)), answer)


def test_the_methods_of_two_towers_are_enough_for_them_to_be_asked_apart() -> None:
    settings = ModelSettings(name="mine", kind="own", entry_point="tests.small_models:SmallUnnamedDualModel")
    made = {name: load_own(settings, CLASSES) for name in ("first", "second")}
    images, entries = torch.rand(2, 3, 8, 8), [[Entry("sour milk")], [Entry("oat")]]
    answers = predict_all(made, images, entries)
    for name, model in made.items():
        assert isinstance(model, DualStreamModel)
        assert model._model.images_embedded == 2, "asked once, and apart from the other"  # type: ignore[attr-defined]
        assert torch.allclose(answers[name], model.predict(images, entries))


def test_a_model_with_two_towers_keeps_them() -> None:
    settings = ModelSettings(name="mine", kind="own", entry_point="tests.small_models:SmallDualModel")
    made = load_own(settings, CLASSES)
    assert isinstance(made, DualStreamModel)
    images, entries = torch.rand(2, 3, 8, 8), [[Entry("sour milk")], [Entry("oat")]]
    fused = made.fuse(made.embed_images(images), made.embed_texts(entries), torch.ones(2, 2, dtype=torch.bool))
    assert torch.allclose(fused, made.predict(images, entries))
