"""The local AWS speaks TLS with a certificate that only its clients trust."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from local.stack import certificate


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.ensure(*made)
    return made


def test_clients_that_trust_it_connect_to_the_loopback(files: tuple[Path, Path]) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*files)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=lambda: server.wrap_socket(theirs, server_side=True).close())
        thread.start()
        trusting = ssl.create_default_context(cafile=files[0])
        with trusting.wrap_socket(ours, server_hostname="127.0.0.1") as connection:
            version = connection.version()
        thread.join()
    assert version == "TLSv1.3"


def test_it_is_made_once_and_its_key_is_private(files: tuple[Path, Path]) -> None:
    before = [file.read_bytes() for file in files]
    certificate.ensure(*files)
    assert [file.read_bytes() for file in files] == before
    assert files[1].stat().st_mode & 0o077 == 0
