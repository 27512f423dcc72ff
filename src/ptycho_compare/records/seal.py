"""The seal of a hub: a lab's own OpenSSH key signs the inventory's digests, in OpenSSH's own format.

What is signed is ``artifact_digests.tsv``, which holds the digest of every file that counts. The signature
beside it is an SSHSIG [1]_, which `ssh-keygen` makes and verifies too:

    ssh-keygen -Y verify -f allowed_signers -I lab -n ptycho-hub -s FILE.sig < FILE

References
----------
.. [1] https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub
from ptycho_compare.storage.files import write_text_atomic
from ptycho_compare.untrusted.regular import read_bytes, read_text, why_unreadable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NAMESPACE = b"ptycho-hub"
_MAGIC, _KIND, _VERSION = b"SSHSIG", b"ssh-ed25519", 1
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LINE = 70
_MAX_BYTES = 1 << 16


def write_seal(hub: Hub, key: Ed25519PrivateKey) -> Path:
    """Sign the digests that lie in a hub; returns the signature's path."""
    public = _blob(key.public_key())
    signature = _string(_KIND) + _string(key.sign(_signed(read_bytes(hub.reports().digests), b"sha512")))
    body = _MAGIC + struct.pack(">I", _VERSION)
    body += b"".join(map(_string, (public, NAMESPACE, b"", b"sha512", signature)))
    text = base64.b64encode(body).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    write_text_atomic(hub.reports().seal, "\n".join([_BEGIN, *lines, _END, ""]))
    return hub.reports().seal


def why_not_sealed(hub: Hub, key: Ed25519PublicKey) -> str:
    """Say why the digests of a hub are not as the owner of a key signed them; empty where they are."""
    from cryptography.exceptions import InvalidSignature

    path, signed = hub.reports().seal, hub.reports().digests
    try:
        public, namespace, algorithm, signature = _fields(read_text(path, max_bytes=_MAX_BYTES))
        content = read_bytes(signed)
    except FileNotFoundError as error:
        return f"{error.filename}: is not there; ptycho-hub seal writes it"
    except OSError as error:
        return f"{error.filename or path}: cannot be read ({error.strerror}); seal the hub again"
    except (ValueError, struct.error) as error:
        return f"{path}: is no signature of OpenSSH ({error}); seal the hub again"
    if namespace != NAMESPACE:
        return (
            f"{path}: was made for {namespace.decode('ascii', 'replace')!r}, not for {NAMESPACE.decode()!r}"
        )
    if public != _blob(key):
        return f"{path}: was made with another key, {_print_of(public)}; expected {_print_of(_blob(key))}"
    try:
        key.verify(signature, _signed(content, algorithm))
    except InvalidSignature:
        return f"{signed}: is not what was sealed; take the inventory and seal it again if that is meant"
    return ""


def read_private_key(path: Path, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    """Read an OpenSSH ed25519 key; the passphrase is asked for where it has one.

    Raises
    ------
    HubError
        It cannot be read, is of another kind, or the passphrase is wrong.
    """
    ed25519, serialization, unsupported = _library()
    content = _content(path)
    try:
        try:
            key = serialization.load_ssh_private_key(content, None)
        except (TypeError, ValueError) as error:
            if "encrypted" not in str(error).lower() and "password" not in str(error).lower():
                raise
            key = serialization.load_ssh_private_key(content, passphrase().encode())
    except (TypeError, ValueError, unsupported) as error:
        text = " ".join(str(error).split())[:120]
        raise HubError(f"{path}: is no OpenSSH private key that can be read ({text})") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise HubError(f"{path}: is no ed25519 key; make one with ssh-keygen -t ed25519")
    found: Ed25519PrivateKey = key
    return found


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read an OpenSSH ed25519 public key, ``KEY.pub``; HubError where it is none."""
    ed25519, serialization, unsupported = _library()
    try:
        key = serialization.load_ssh_public_key(_content(path))
    except (ValueError, unsupported):
        raise HubError(
            f"{path}: is no OpenSSH public key, a line such as ssh-keygen writes to KEY.pub"
        ) from None
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise HubError(f"{path}: is no ed25519 key; make one with ssh-keygen -t ed25519")
    found: Ed25519PublicKey = key
    return found


def _library() -> tuple[Any, Any, type[Exception]]:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise HubError("seals need the cryptography package: pip install 'pytest-ptycho[seal]'") from None
    return ed25519, serialization, UnsupportedAlgorithm


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path, max_bytes=_MAX_BYTES)
    except OSError as error:
        raise HubError(f"{path}: cannot be read as a key ({why_unreadable(error)})") from None


def _signed(content: bytes, algorithm: bytes) -> bytes:
    """Return what an SSHSIG signs in place of a file."""
    digest = _HASHES[algorithm](content).digest()
    return _MAGIC + b"".join(map(_string, (NAMESPACE, b"", algorithm, digest)))


def _fields(text: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Take public key, namespace, hash and the raw signature from the armoured text."""
    lines = text.split("\n")
    if lines[0] != _BEGIN or lines[-2:] != [_END, ""]:
        raise ValueError("it is not between its two lines")
    body = base64.b64decode("".join(lines[1:-2]), validate=True)
    if body[:6] != _MAGIC or struct.unpack_from(">I", body, 6) != (_VERSION,):
        raise ValueError(f"it is of no version {_VERSION}")
    public, namespace, reserved, algorithm, signature = _strings(body[10:], 5)
    kind, raw = _strings(signature, 2)
    if reserved or kind != _KIND or algorithm not in _HASHES:
        raise ValueError("it is not of an ed25519 key over SHA-2")
    return public, namespace, algorithm, raw


def _strings(data: bytes, count: int) -> Iterator[bytes]:
    found = []
    for _ in range(count):
        (length,) = struct.unpack_from(">I", data)
        if len(data) < 4 + length:
            raise ValueError("it breaks off")
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    if data:
        raise ValueError("bytes follow its end")
    return iter(found)


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _blob(key: Ed25519PublicKey) -> bytes:
    return _string(_KIND) + _string(key.public_bytes_raw())


def _print_of(blob: bytes) -> str:
    """Name a key as ``ssh-keygen -l`` does."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
