"""`ptycho-hub seal` and `gate --signed-by`: a lab's own key stands for a hub."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from sharing import shared

serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # noqa: E402

PASSPHRASE = "PTYCHO_SEAL_PASSPHRASE"
SSH_KEYGEN = shutil.which("ssh-keygen")


def write_key(path: Path, *, passphrase: bytes = b"", curve: bool = False) -> Path:
    """Write a key pair of OpenSSH: ``path`` and ``path.pub``."""
    key = ec.generate_private_key(ec.SECP256R1()) if curve else ed25519.Ed25519PrivateKey.generate()
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    ssh = serialization.PrivateFormat.OpenSSH, serialization.PublicFormat.OpenSSH
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, ssh[0], how))
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, ssh[1])
    path.with_name(f"{path.name}.pub").write_bytes(public + b" lab\n")
    return path


def seal(hub: Hub, key: Path) -> int:
    return main(["seal", "--hub", str(hub.root), "--key", str(key)])


def gate(hub: Hub, public: Path) -> int:
    return main(["gate", "--hub", str(hub.root), "--signed-by", str(public)])


@pytest.fixture(scope="module")
def sealed(run_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a sealed hub and its key; no test may damage it."""

    def make(folder: Path) -> None:
        hub = Hub(Path(shutil.copytree(run_hub.root, folder / "hub")))
        assert main(["inventory", "--hub", str(hub.root)]) == 0
        assert seal(hub, write_key(folder / "lab")) == 0

    return shared(tmp_path_factory, "sealed", make)


@pytest.fixture
def hub(sealed: Path, tmp_path: Path) -> Hub:
    """A copy of it that a test may damage."""
    return Hub(Path(shutil.copytree(sealed / "hub", tmp_path / "hub")))


def test_a_sealed_hub_is_accepted_by_its_key(
    hub: Hub, sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate(hub, sealed / "lab.pub") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("ACCEPTED")
    assert main(["inventory", "--hub", str(hub.root)]) == 0  # the seal is not listed, and stays true
    assert gate(hub, sealed / "lab.pub") == 0


@pytest.mark.skipif(SSH_KEYGEN is None, reason="no ssh-keygen here")
def test_the_real_ssh_keygen_verifies_a_seal_and_makes_one(hub: Hub, sealed: Path, tmp_path: Path) -> None:
    digests, signature = hub.reports().digests, hub.reports().seal
    signers = tmp_path / "signers"
    signers.write_text(f"lab {(sealed / 'lab.pub').read_text()}")
    check = [SSH_KEYGEN, "-Y", "verify", "-f", signers, "-I", "lab", "-n", "ptycho-hub", "-s", signature]
    assert subprocess.run(check, input=digests.read_bytes(), check=False).returncode == 0
    assert subprocess.run(check, input=digests.read_bytes() + b"x", check=False).returncode != 0
    (key := Path(shutil.copy(sealed / "lab", tmp_path / "key"))).chmod(0o600)
    for purpose, status in (("file", 1), ("ptycho-hub", 0)):
        signature.unlink(missing_ok=True)
        subprocess.run([SSH_KEYGEN, "-q", "-Y", "sign", "-f", key, "-n", purpose, digests], check=True)
        assert gate(hub, sealed / "lab.pub") == status  # one for another purpose is none


def retaken(hub: Hub) -> None:
    """Change a file, and take the inventory again: without a seal nobody sees that."""
    (hub.root / "study.toml").write_bytes((hub.root / "study.toml").read_bytes() + b"# approved\n")
    assert main(["inventory", "--hub", str(hub.root)]) == 0


HARMS: dict[str, tuple[Callable[[Hub], object], str]] = {
    "unsigned": (lambda hub: hub.reports().seal.unlink(), "artifact_digests.tsv.sig: is not there"),
    "inventory altered": (retaken, "is not what was sealed"),
    "file altered after the seal": (
        lambda hub: (hub.root / "study.toml").open("a").write("# approved\n"), "differs from the inventory"),
    "file added after the seal": (
        lambda hub: (hub.root / "data" / "more.npz").write_text("x"), "is not listed"),
    "signature cut": (
        lambda hub: hub.reports().seal.write_text(hub.reports().seal.read_text()[:120]),
        "no signature of OpenSSH"),
    "signature of other bytes": (
        lambda hub: hub.reports().seal.write_bytes(b"\xff\x00"),
        "no signature of OpenSSH"),
}  # fmt: skip


@pytest.mark.parametrize(("harm", "said"), HARMS.values(), ids=[name.replace(" ", "-") for name in HARMS])
def test_what_is_not_as_it_was_sealed_is_not_accepted_and_named(
    hub: Hub, sealed: Path, harm: Callable[[Hub], object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    harm(hub)
    capsys.readouterr()
    assert gate(hub, sealed / "lab.pub") in (1, 3)
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_seal_of_another_key_is_red(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_key(tmp_path / "other")
    assert gate(hub, tmp_path / "other.pub") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("RED: sealed by other.pub")
    assert "made with another key" in last


def test_keys_that_are_none_are_refused_in_one_line(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(PASSPHRASE, raising=False)
    curve = write_key(tmp_path / "curve", curve=True)
    (tmp_path / "text").write_text("no key\n")
    locked = write_key(tmp_path / "locked", passphrase=b"open")
    for command, key, said in (
        (gate, tmp_path / "none.pub", "cannot be read as a key"),
        (gate, tmp_path / "text", "is no OpenSSH public key"),
        (gate, tmp_path / "curve.pub", "is no ed25519 key"),
        (seal, tmp_path / "none", "cannot be read as a key"),
        (seal, tmp_path / "text", "is no OpenSSH private key"),
        (seal, curve, "is no ed25519 key"),
        (seal, locked, f"set {PASSPHRASE}"),
    ):
        assert command(hub, key) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        assert key.name in line


def test_a_passphrase_comes_from_the_environment(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("bcrypt", reason="keys with a passphrase need bcrypt")
    locked = write_key(tmp_path / "locked", passphrase=b"open")
    monkeypatch.setenv(PASSPHRASE, "shut")
    assert seal(hub, locked) == 2
    monkeypatch.setenv(PASSPHRASE, "open")
    assert seal(hub, locked) == 0
    assert gate(hub, tmp_path / "locked.pub") == 0


def test_a_hub_that_the_gate_does_not_accept_is_not_sealed(
    hub: Hub, sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.reports().seal.unlink()
    with hub.reports().summary.open("a") as summary:
        summary.write(" ")
    assert seal(hub, sealed / "lab") == 1
    assert capsys.readouterr().err.startswith("ptycho-hub seal: not sealed: RED: ")
    assert not hub.reports().seal.exists()


def test_a_hub_without_an_inventory_is_not_sealed(
    hub: Hub, sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (hub.reports().seal, hub.reports().digests, hub.reports().inventory):
        path.unlink()
    shutil.rmtree(hub.step("inventory").folder)
    assert seal(hub, sealed / "lab") in (1, 3)
    assert "ptycho-hub inventory" in capsys.readouterr().err
    assert not hub.reports().seal.exists()
