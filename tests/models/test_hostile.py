"""A hostile or damaged model file is refused in one line, fast, and nothing in it runs."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from bundles import NETWORK, hdf5_bytes, write_bundle, write_supervised_baseline, zip_bytes
from processes import PATIENCE_S
from ptycho_compare.errors import BundleError
from ptycho_compare.models.bundle import find_model, inspect_model
from sharing import shared

SECONDS = 1.5
CHILD = """
import json, os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from pathlib import Path
from ptycho_compare.errors import BundleError
from ptycho_compare.models.bundle import find_model, inspect_model
def inspected(path):
    try:
        return "FOUND", str(inspect_model(find_model(path)))
    except BundleError as error:
        return "REFUSED", str(error)
for path in sys.argv[2:]:
    spent = []  # a busy machine may need another try
    while len(spent) < 3 and min(spent, default=9.9) > float(sys.argv[1]):
        before = os.times()
        end, said = inspected(Path(path))
        spent.append(sum(os.times()[:4]) - sum(before[:4]))
    heavy = {"tensorflow", "keras", "dill", "torch"} & {name.partition(".")[0] for name in sys.modules}
    print(json.dumps({"end": end, "said": said, "seconds": min(spent), "heavy": sorted(heavy)}), flush=True)
"""


class Canary:
    """Creates a file when it is unpickled by an ordinary unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


def canary_pickle(canary: Path) -> bytes:
    return pickle.dumps({"N": 32, "evil": Canary(canary)}, protocol=4)


def lambda_layer(canary: Path) -> dict:
    code = marshal.dumps(compile(f"open({str(canary)!r}, 'w').close()", "x", "exec"))
    function = {
        "class_name": "__lambda__",
        "config": {"code": base64.b64encode(code).decode(), "defaults": None, "closure": None},
    }
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "lambda_1", "function": function, "arguments": {}},
        "registered_name": None,
        "name": "lambda_1",
        "inbound_nodes": [],
    }


# Each of these writes one file below `folder` and returns (path, words the refusal must hold).


def pickle_in_params(folder, canary):
    members = {f"{NETWORK}/params.dill": canary_pickle(canary)}
    path = write_bundle(folder / "wts.h5.zip", edit=lambda parts: parts.members.update(members))
    return path, ("params.dill", "nothing was executed", "exec")


def pickle_in_manifest(folder, canary):
    members = {"manifest.dill": canary_pickle(canary)}
    path = write_bundle(folder / "wts.h5.zip", edit=lambda parts: parts.members.update(members))
    return path, ("manifest.dill", "nothing was executed", "exec")


def lambda_in_bundle(folder, canary):
    def edit(parts):
        parts.config["config"]["layers"].append(lambda_layer(canary))

    return write_bundle(folder / "wts.h5.zip", edit=edit), (
        "layer 'lambda_1' is a Lambda (keras.layers): it would run code from the file",
    )


def lambda_hidden_in_settings(folder, canary):
    def edit(parts):
        conv = next(x for x in parts.config["config"]["layers"] if x["class_name"] == "Conv2D")
        conv["config"]["activation"] = lambda_layer(canary)["config"]["function"]

    return write_bundle(folder / "wts.h5.zip", edit=edit), ("layer 'conv2d' is a __lambda__", "run code")


def lambda_in_baseline(folder, canary):
    def edit(config):
        layer = {k: v for k, v in lambda_layer(canary).items() if k not in ("module", "registered_name")}
        config["config"]["layers"].append(layer)

    return write_supervised_baseline(folder / "baseline_model.h5", edit=edit), ("Lambda", "lambda_1", "code")


def foreign_module(folder, canary):
    def edit(parts):
        parts.config["config"]["layers"][5]["module"] = "os"

    return write_bundle(folder / "wts.h5.zip", edit=edit), ("(os)", "not on the list")


def foreign_initializer(folder, canary):
    def edit(parts):
        conv = next(x for x in parts.config["config"]["layers"] if x["class_name"] == "Conv2D")
        conv["config"]["kernel_initializer"] = {
            "module": "subprocess",
            "class_name": "run",
            "config": {"args": ["touch", str(canary)]},
            "registered_name": None,
        }

    return write_bundle(folder / "wts.h5.zip", edit=edit), ("subprocess", "layer 'conv2d'")


def climbing_member(folder, canary):
    path = write_bundle(
        folder / "wts.h5.zip", edit=lambda parts: parts.members.update({"../../escaped": b"x"})
    )
    return path, ("'../../escaped'", "outside")


def member_claims_10_gb(folder, canary):
    path = write_bundle(folder / "wts.h5.zip")
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02", data.rindex(b"diffraction_to_obj/model.keras") - 60)
    extra = b"\x01\x00\x08\x00" + (10 << 30).to_bytes(8, "little")  # zip64: the true size stands here
    assert data[entry + 46 :].startswith(b"diffraction_to_obj/model.keras")
    data[entry + 24 : entry + 28] = b"\xff\xff\xff\xff"
    data[entry + 30 : entry + 32] = len(extra).to_bytes(2, "little")
    name_end = entry + 46 + len(b"diffraction_to_obj/model.keras")
    data[name_end:name_end] = extra
    end = data.rindex(b"PK\x05\x06")
    size = int.from_bytes(data[end + 12 : end + 16], "little") + len(extra)
    data[end + 12 : end + 16] = size.to_bytes(4, "little")
    path.write_bytes(data)
    return path, ("unpacks to 1073", "at most")


def deflate_bomb(folder, canary):
    # 320 MiB of zeros in 0.3 MB, far under the cap for a whole bundle
    path = folder / "wts.h5.zip"
    write_bundle(path, edit=lambda parts: parts.members.update({f"{NETWORK}/model.keras": None}))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        block = bytes(1 << 24)
        with archive.open(f"{NETWORK}/model.keras", "w") as member:
            for _ in range(20):
                member.write(block)
    assert path.stat().st_size < 1 << 20
    return path, ("model.keras", f"{20 << 24} bytes", "do not compress like that")


def bomb_in_params(folder, canary):
    members = {f"{NETWORK}/params.dill": bytes((64 << 20) + 1)}
    path = write_bundle(folder / "wts.h5.zip", edit=lambda parts: parts.members.update(members))
    return path, ("params.dill", "at most")


def inner_bomb(folder, canary):
    def edit(parts):
        parts.keras_members["config.json"] = b"[" + b" " * (17 << 20) + b"]"

    return write_bundle(folder / "wts.h5.zip", edit=edit), ("config.json", "at most")


def truncated_zip(folder, canary):
    path = write_bundle(folder / "wts.h5.zip")
    path.write_bytes(path.read_bytes()[:-3000])
    return path, ("not a readable zip",)


def damaged_member(folder, canary):
    path = write_bundle(folder / "wts.h5.zip")
    data = bytearray(path.read_bytes())
    at = data.index(b"diffraction_to_obj/model.keras") + 2000
    data[at : at + 200] = bytes(200)
    path.write_bytes(data)
    return path, ("not a readable zip",)


def deep_json(folder, canary):
    def edit(parts):
        parts.keras_members["config.json"] = b"[" * 2_000_000

    return write_bundle(folder / "wts.h5.zip", edit=edit), ("config.json", "JSON")


def saved_model(folder, canary):
    members = {f"{NETWORK}/saved_model.pb": b"\x08\x01", f"{NETWORK}/model.keras": None}
    path = write_bundle(folder / "wts.h5.zip", edit=lambda parts: parts.members.update(members))
    return path, ("saved_model.pb", "older bundle", "save it again")


def unknown_member(folder, canary):
    members = {f"{NETWORK}/postinstall.py": b"print()"}
    path = write_bundle(folder / "wts.h5.zip", edit=lambda parts: parts.members.update(members))
    return path, ("postinstall.py", "not part of a model bundle")


def unknown_inner_member(folder, canary):
    def edit(parts):
        parts.keras_members["assets/vocabulary.txt"] = b"x"

    return write_bundle(folder / "wts.h5.zip", edit=edit), (
        "assets/vocabulary.txt",
        "not part of a Keras model",
    )


def external_link(folder, canary):
    def edit(parts):
        del parts.weights["layers/conv2d/vars/0"]
        buffer = io.BytesIO(hdf5_bytes(parts.weights, {}))
        with h5py.File(buffer, "r+") as file:
            file["layers/conv2d/vars/0"] = h5py.ExternalLink("/etc/hostname", "/x")
        parts.keras_members["model.weights.h5"] = buffer.getvalue()

    return write_bundle(folder / "wts.h5.zip", edit=edit), ("another file", "/etc/hostname")


def external_storage(folder, canary):
    path = write_supervised_baseline(folder / "baseline_model.h5")
    with h5py.File(path, "r+") as file:
        shape = file["model_weights/conv2d/conv2d/kernel"].shape
        del file["model_weights/conv2d/conv2d/kernel"]
        outside = [("/etc/passwd", 0, int(np.prod(shape)) * 4)]
        file["model_weights/conv2d/conv2d"].create_dataset("kernel", shape, "f4", external=outside)
    return path, ("conv2d/kernel", "another file")


def wrong_n(folder, canary):
    path = write_bundle(folder / "wts.h5.zip", edit=lambda parts: parts.parameters.update(N=64))
    return path, ("'N' = 64", "(32, 32, 4)", "(64, 64, 4)")


def wrong_gridsize(folder, canary):
    path = write_bundle(folder / "wts.h5.zip", edit=lambda parts: parts.parameters.update(gridsize=1))
    return path, ("'gridsize' = 1", "(32, 32, 4)", "(32, 32, 1)")


def scale_mismatch(folder, canary):
    def edit(parts):
        parts.stored_scale *= 1.00001

    return write_bundle(folder / "wts.h5.zip", edit=edit), ("intensity_scale", "model.h5", "equal")


def empty_folder(folder, canary):
    (folder / "deeper").mkdir()
    return folder, ("holds no wts.h5.zip or baseline_model.h5", "train")


def two_candidates(folder, canary):
    write_bundle(folder / "old" / "wts.h5.zip")
    write_supervised_baseline(folder / "new" / "baseline_model.h5")
    return folder, ("new/baseline_model.h5", "old/wts.h5.zip", "one of them")


CASES = [
    pickle_in_params,
    pickle_in_manifest,
    lambda_in_bundle,
    lambda_hidden_in_settings,
    lambda_in_baseline,
    foreign_module,
    foreign_initializer,
    climbing_member,
    member_claims_10_gb,
    deflate_bomb,
    bomb_in_params,
    inner_bomb,
    truncated_zip,
    damaged_member,
    deep_json,
    saved_model,
    unknown_member,
    unknown_inner_member,
    external_link,
    external_storage,
    wrong_n,
    wrong_gridsize,
    scale_mismatch,
    empty_folder,
    two_candidates,
]


SOUND = "sound"


@dataclass(frozen=True)
class Answer:
    """What was said of a file, after how many seconds of the processor, with which frameworks loaded."""

    path: str
    words: list[str]
    end: str
    said: str
    seconds: float
    heavy: list[str]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Of a fresh process to all of the files, and to a sound one."""

    def make(root: Path) -> None:
        made = {}
        for case in CASES:
            folder = root / case.__name__ / "model"
            folder.mkdir(parents=True)
            made[case.__name__] = case(folder, canary_of(root, case.__name__))
        made[SOUND] = write_bundle(root / SOUND / "wts.h5.zip"), ()
        command = [sys.executable, "-c", CHILD, str(SECONDS), *(str(path) for path, _ in made.values())]
        child = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert child.returncode == 0, (child.stdout, child.stderr)
        said = [json.loads(line) for line in child.stdout.splitlines()]
        told = {
            name: {"path": str(path), "words": words, **each}
            for (name, (path, words)), each in zip(made.items(), said, strict=True)
        }
        (root / "answers.json").write_text(json.dumps(told))

    root = shared(tmp_path_factory, "hostile models", make)
    told = json.loads((root / "answers.json").read_text())
    return root, {name: Answer(**each) for name, each in told.items()}


def canary_of(root: Path, name: str) -> Path:
    return root / name / "canary"


@pytest.mark.parametrize("name", [case.__name__ for case in CASES])
def test_refused_in_one_line_and_in_time(name, answers):
    root, said = answers
    answer = said[name]
    assert answer.end == "REFUSED"
    assert len(answer.said.splitlines()) == 1
    for word in (answer.path, *answer.words):
        assert word in answer.said
    assert answer.heavy == []
    assert answer.seconds < SECONDS
    assert not canary_of(root, name).exists()


def test_the_same_child_accepts_a_sound_bundle(answers):
    sound = answers[1][SOUND]
    assert sound.end == "FOUND"
    assert sound.said.startswith("ModelFile(")
    assert sound.heavy == []


def test_the_canaries_do_sing(tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(canary_pickle(canary))
    assert canary.exists()
    canary.unlink()
    code = lambda_layer(canary)["config"]["function"]["config"]["code"]
    exec(marshal.loads(base64.b64decode(code)))
    assert canary.exists()


def test_names_from_the_file_cannot_break_the_line(tmp_path):
    def edit(parts):
        parts.config["config"]["layers"][3]["class_name"] = "Evil\nLayer\x1b[31m"

    path = write_bundle(tmp_path / "wts.h5.zip", edit=edit)
    with pytest.raises(BundleError) as caught:
        inspect_model(path)
    assert str(caught.value).isprintable()
    assert "Evil?Layer" in str(caught.value)


@pytest.mark.parametrize("seed", [5, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 10))])
def test_flipped_bits_never_end_in_another_exception(tmp_path, seed):
    sound = write_bundle(tmp_path / "wts.h5.zip", n_filters=2, patch_px=16).read_bytes()
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(30):
        data = bytearray(sound)
        for at in rng.integers(0, len(data), 3):
            data[at] ^= 1 << int(rng.integers(8))
        damaged = tmp_path / "damaged"
        damaged.write_bytes(data)
        try:  # any other exception fails the test
            inspect_model(damaged)
        except BundleError:
            refused += 1
    assert refused > 20


def test_a_baseline_cut_anywhere_is_refused(tmp_path):
    path = write_supervised_baseline(tmp_path / "baseline_model.h5", n_filters=2, patch_px=16)
    data = path.read_bytes()
    for length in range(10, len(data), len(data) // 40):
        path.write_bytes(data[:length])
        with pytest.raises(BundleError, match="not a readable HDF5 file"):
            inspect_model(path)


def test_a_link_ring_in_hdf5_ends(tmp_path):
    def edit(parts):
        buffer = io.BytesIO(hdf5_bytes(parts.weights, {}))
        with h5py.File(buffer, "r+") as file:
            file["layers/again"] = file["layers"]
        parts.keras_members["model.weights.h5"] = buffer.getvalue()

    with pytest.raises(BundleError, match="linked twice"):
        inspect_model(write_bundle(tmp_path / "wts.h5.zip", edit=edit))


def test_soft_links_and_virtual_datasets_are_refused(tmp_path):
    path = write_supervised_baseline(tmp_path / "baseline_model.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights/soft"] = h5py.SoftLink("/model_weights/conv2d")
    with pytest.raises(BundleError, match="SoftLink"):
        inspect_model(path)
    with h5py.File(path, "r+") as file:
        del file["model_weights/soft"]
        layout = h5py.VirtualLayout((3,), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3,))
        file.create_virtual_dataset("model_weights/virtual", layout)
    with pytest.raises(BundleError, match="another file"):
        inspect_model(path)


def test_a_symbolic_link_ring_in_the_folder_ends(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    path = write_bundle(tmp_path / "a" / "b" / "wts.h5.zip")
    (tmp_path / "a" / "wts.h5.zip").symlink_to(path)
    assert find_model(tmp_path).resolve() == path


def test_a_config_of_another_kind_is_refused(tmp_path):
    for content in (b"null", b'{"class_name": 3}', b'{"config": {}}', b'"text"', json.dumps([1]).encode()):
        path = write_bundle(
            tmp_path / "wts.h5.zip",
            edit=lambda parts, content=content: parts.keras_members.update({"config.json": content}),
        )
        with pytest.raises(BundleError, match=r"config\.json"):
            inspect_model(path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / "wts.h5.zip"
    path.write_bytes(zip_bytes({"arr_0.npy": b"x"}))
    with pytest.raises(BundleError, match=r"arr_0\.npy"):
        inspect_model(path)
    path.write_bytes(b"hello")
    with pytest.raises(BundleError, match="neither a zip bundle nor an HDF5 model"):
        inspect_model(path)
    with pytest.raises(BundleError, match="cannot be read"):
        inspect_model(tmp_path / "absent.zip")
