"""What a manifest names is what was read: inputs exchanged meanwhile make the attempt void."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundles import BundleParts, write_bundle
from exchanging import EXCHANGES, exchanging
from hubs import DOSE, request_on
from ptycho_compare.errors import ExchangedError, InputError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison import compare as module
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import ArmRequest, CompareRequest
from ptycho_compare.reconstruction.image_source import ImageSource
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.storage.watched import WatchedFiles

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def request_on_copies(small_hub: Path, tmp_path: Path) -> CompareRequest:
    """A comparison of one ready-made reconstruction, whose files a test may exchange."""
    whole = request_on(small_hub, tmp_path / "out")
    (ready_made,) = (arm for arm in whole.arms if arm.source.path.suffix == ".npz")
    copies = [Path(shutil.copy(path, tmp_path)) for path in (whole.test_data, ready_made.source.path)]
    arm = replace(ready_made, source=replace(ready_made.source, path=copies[1]))
    return replace(whole, test_data=copies[0], arms=(replace(arm, name="PtyChi"),))


@pytest.mark.parametrize("name", ["test_data", "PtyChi"])
@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=EXCHANGES)
def test_an_input_exchanged_while_a_comparison_runs_makes_it_void(
    request_on_copies: CompareRequest,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    exchange: Callable[[Path], Any],
) -> None:
    request = request_on_copies
    path = request.test_data if name == "test_data" else request.arms[0].source.path
    kept, checked = path.read_bytes(), module.geometry_through_truth

    with monkeypatch.context() as patch:
        patch.setattr(module, "geometry_through_truth", exchanging(path, exchange, checked))
        with pytest.raises(InputError, match=f"{path.name}: .* used as {name}; this attempt is void"):
            compare(request, command=["test"], console_level=None)
    assert not Artifacts(request.output_dir).manifest.exists()
    path.write_bytes(kept)
    compare(request, command=["test"], console_level=None)
    inputs = json.loads(Artifacts(request.output_dir).manifest.read_text())["inputs"]
    assert inputs[name]["sha256"] == sha256_of(path)


def test_what_was_predicted_of_an_exchanged_scan_is_not_gone_on_from(
    small_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built_once: None
) -> None:
    """Once the scan is put back, a checkpoint by its digest would hold patches of the other one."""
    request = request_on(small_hub, tmp_path / "out", groups=40)
    (network,) = (arm for arm in request.arms if arm.name == "PtychoPINN")
    scan = Path(shutil.copy(request.test_data, tmp_path))
    request = replace(request, test_data=scan, arms=(network,))

    def exchange(path: Path) -> None:
        path.rename(tmp_path / "put back")
        shutil.copyfile(Hub(small_hub).patched(DOSE, "test"), path)

    with monkeypatch.context() as patch:
        patch.setattr(module, "open_setting", exchanging(scan, exchange, module.open_setting))
        with pytest.raises(ExchangedError, match="used as test_data; this attempt is void"):
            compare(request, command=["test"], console_level=None)
    assert list(Artifacts(request.output_dir).job.checkpoints.glob("*.npz")) == []
    (tmp_path / "put back").replace(scan)  # the very file, with its inode and time
    compare(request, command=["test"], console_level=None)
    log = Artifacts(request.output_dir).log.read_text()
    assert "goes on from" not in log


def test_a_file_is_looked_at_without_being_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    watched = WatchedFiles({"one": path, "two": path})
    assert list(watched.exchanged()) == []
    os.utime(path, ns=(0, 0))
    assert [text.rpartition(" ")[2] for text in watched.exchanged()] == ["one", "two"]


def large(parts: BundleParts) -> None:
    parts.parameters = {**parts.parameters, "note": "x" * (2 << 20)}


def test_what_no_manifest_can_hold_is_refused_before_anything_runs(
    request_on_copies: CompareRequest, tmp_path: Path
) -> None:
    network = ArmRequest("PtychoPINN", ImageSource(write_bundle(tmp_path / "wts.h5.zip", edit=large)))
    request = replace(request_on_copies, arms=(network,))
    with pytest.raises(InputError, match=r"wts\.h5\.zip: parameter 'note': holds 2\d+ bytes"):
        compare(request, command=["test"], console_level=None)
    with pytest.raises(InputError, match=r"the command line: holds 2\d+ bytes"):
        compare(request_on_copies, command=["x" * (2 << 20)], console_level=None)
