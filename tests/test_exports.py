"""The generator for other programs: each export, loaded by its own library, computes the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from pix2pix import UserError
from pix2pix.artifacts import EXPORTED_FILES, EXPORTS, OPTIONAL, PUBLISHED, SERVED
from pix2pix.export import exports, file_formats
from pix2pix.images import to_tensor, to_uint8
from pix2pix.networks import build_generator
from pix2pix.options import ExportFormat
from tests.builders import make_pair_array, randomize_weights, tiny_config

NAMES = {
    "saved_model": "saved_model", "tflite": "g.tflite", "onnx": "g.onnx", "keras": "g.keras",
}  # fmt: skip
# Runs each export with the library it is for. Importing this project fails.
LOAD = """
import sys
sys.modules["pix2pix"] = None
from pathlib import Path
import keras, numpy as np, onnxruntime, tensorflow as tf

folder, outputs = Path(sys.argv[1]), {}
image = np.load(folder / "image.npy")
both = np.concatenate([image, image[:, ::-1]])
model = tf.saved_model.load(str(folder / "saved_model"))
serve = model.signatures["serving_default"]
outputs["saved_model"] = serve(image=tf.constant(image))["translation"]
outputs["saved_model_batch"] = serve(image=tf.constant(both))["translation"]
outputs["saved_model_wide"] = serve(image=tf.constant(np.tile(image, (1, 1, 2, 1))))["translation"]
pixels = np.rint((image + 1) * 127.5).astype(np.uint8)
outputs["uint8"] = model.signatures["uint8"](image=tf.constant(pixels))["translation"]
runner = tf.lite.Interpreter(str(folder / "g.tflite")).get_signature_runner()
outputs["tflite"] = runner(image=image)["translation"]
session = onnxruntime.InferenceSession(folder / "g.onnx", providers=["CPUExecutionProvider"])
outputs["onnx"] = session.run(["translation"], {"image": image})[0]
outputs["keras"] = keras.saving.load_model(folder / "g.keras")(image, training=False)
np.savez(folder / "outputs.npz", **outputs)
"""


def make_small_generator(**changes) -> keras.Model:
    model = build_generator(tiny_config(generator_filters=8, generator_depth=4, **changes))
    randomize_weights(model)
    return model


@pytest.fixture(scope="module")
def generator() -> keras.Model:
    return make_small_generator()


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return make_pair_array(2)[:, 0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def written(generator, pictures, folder) -> dict[str, exports.Export]:
    """Every format in its default precision; ONNX with float32 kernels."""
    return {
        name: exports.write_export(
            generator, name, folder / NAMES[name], pictures,
            "float32" if name == "onnx" else file_formats.FORMATS[name].precisions[0],
        )
        for name in file_formats.FORMATS
    }  # fmt: skip


@pytest.fixture(scope="module")
def outputs(written, folder, pictures) -> dict[str, np.ndarray]:
    """What the libraries alone compute from the exports, in a process of their own."""
    np.save(folder / "image.npy", to_tensor(pictures[:1]))
    subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)], cwd=folder, check=True, timeout=120,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    return dict(np.load(folder / "outputs.npz"))


def test_every_format_of_the_flags_can_be_written_and_published():
    names = set(ExportFormat.__args__)
    assert file_formats.FORMATS.keys() == EXPORTS.keys() == names
    assert set(EXPORTED_FILES) <= set(PUBLISHED) & set(OPTIONAL)
    assert not set(EXPORTED_FILES) & set(SERVED), "the Space and Translator would download them"


def test_each_export_is_compared_and_measured(written, folder, generator):
    weights = 4 * generator.count_params()
    for name, export in written.items():
        files = [folder / NAMES[name], *(folder / NAMES[name]).rglob("*")]
        assert export.bytes == sum(file.stat().st_size for file in files if file.is_file())
        assert export.seconds > 0 and f"{name} {export.precision}: " in export.describe()
    assert 0 < written["tflite"].max_difference < 1 / 255
    assert written["tflite"].bytes < 0.75 * weights
    assert all(written[name].max_difference < 1e-4 for name in ("saved_model", "onnx", "keras"))
    (variables,) = (folder / "saved_model" / "variables").glob("*.data-*")
    assert variables.stat().st_size < 1.1 * weights, "weights are stored twice"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limit"), [("saved_model", 1e-4), ("tflite", 1 / 255), ("onnx", 1e-4), ("keras", 1e-4)]
)
def test_the_library_of_each_format_computes_the_same(outputs, generator, pictures, name, limit):
    expected = generator(to_tensor(pictures[:1]), training=False).numpy()
    assert expected.std() > 0.1, "a flat picture would be a weak test"
    assert np.abs(outputs[name] - expected).max() < limit


@pytest.mark.slow
def test_a_saved_model_takes_any_batch_and_multiple_of_the_size(outputs, generator, pictures):
    image = to_tensor(pictures[:1])
    both = np.concatenate([image, image[:, ::-1]])
    for name, tensor in (("batch", both), ("wide", np.tile(image, (1, 1, 2, 1)))):
        expected = generator(tensor, training=False).numpy()
        assert np.abs(outputs[f"saved_model_{name}"] - expected).max() < 1e-4


@pytest.mark.slow
def test_a_saved_model_takes_and_returns_bytes(outputs, generator, pictures):
    expected = to_uint8(generator(to_tensor(pictures[:1]), training=False).numpy())
    assert outputs["uint8"].dtype == np.uint8
    difference = np.abs(outputs["uint8"].astype(int) - expected.astype(int))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.001


def test_the_keras_file_has_stock_layers_only(written, folder):
    import zipfile

    config = json.loads(zipfile.ZipFile(folder / NAMES["keras"]).read("config.json"))
    layers = config["config"]["layers"]
    assert {layer["module"] for layer in layers} == {"keras.layers"}
    assert "Lambda" not in {layer["class_name"] for layer in layers}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["saved_model", "tflite"])
@pytest.mark.parametrize(
    "changes", [{"input_channels": 1, "target_channels": 1}, {"generator_norm": "layer"}]
)
def test_gray_pictures_and_layer_normalization(tmp_path, name, changes):
    model = make_small_generator(**changes)
    path = tmp_path / NAMES[name]
    photos = make_pair_array(1)[:, 0]
    export = exports.write_export(model, name, path, photos, "float32")
    assert export.max_difference < 1e-4
    tensor = to_tensor(photos, model.input_shape[-1])
    assert file_formats.FORMATS[name].load(path)(tensor).shape == (
        1,
        64,
        64,
        model.output_shape[-1],
    )


@pytest.mark.filterwarnings("ignore:overflow")
def test_weights_too_large_for_float16_are_refused_and_named(tmp_path):
    model = make_small_generator()
    kernel = model.get_layer("up_2_conv").kernel
    kernel.assign(kernel * 1e6)
    photos = make_pair_array(1)[:, 0]
    with pytest.raises(UserError, match=r"onnx export differs .* not written.*precision float32"):
        exports.write_export(model, "onnx", tmp_path / "g.onnx", photos, "float16")
    assert list(tmp_path.iterdir()) == []
    exports.write_export(model, "onnx", tmp_path / "g.onnx", photos, "float32")


def test_a_folder_with_other_files_is_not_replaced(tmp_path, generator, pictures):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="folder with other files"):
        exports.write_export(generator, "onnx", tmp_path / "photos", pictures, "float32")
    assert [path.name for path in tmp_path.rglob("*")] == ["photos", "mine.txt"]


def test_a_run_publishes_the_formats_that_it_was_asked_for(tmp_path, generator, pictures):
    stale = tmp_path / EXPORTS["tflite"]
    stale.parent.mkdir()
    stale.write_bytes(b"of an earlier run")
    described = exports.write_published(tmp_path, generator, ("onnx", "keras"), pictures)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert files == {"exports/generator-float32.onnx", "exports/generator.keras"}
    assert described.keys() == {"onnx", "keras"}
    onnx = described["onnx"]
    assert onnx["precision"] == "float32" and onnx["max_difference"] < 1e-4


@pytest.mark.parametrize(
    ("format", "tries"), [("onnx", 1), pytest.param("tflite", 2, marks=pytest.mark.slow)]
)
def test_an_export_that_fails_does_not_stop_the_run(tmp_path, pictures, caplog, format, tries):
    model = make_small_generator()
    bias = model.get_layer("up_1_conv").bias
    bias.assign(bias * np.nan)
    assert exports.write_published(tmp_path, model, (format,), pictures) == {}
    assert caplog.text.count("not written") == tries and not list(tmp_path.rglob("generator*"))
    hint = "(--precision float32 of pix2pix export). Trying float32."
    assert caplog.text.count(hint) == tries - 1
