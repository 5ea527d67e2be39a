"""Certificates for servers of tests."""

import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from loadstone.clients.wire import ANCILLARY_ROOM, ask_for_stamps
from loadstone.clock import MILLISECOND, Deadline, Timers
from loadstone.testing.talk import Talk

MOST_TRIES = 200_000  # a second or more
YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    days: int,
    names: tuple[str, ...] = (),
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(YESTERDAY - dt.timedelta(days=30))
        .not_valid_after(YESTERDAY + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if names:
        spoken = [x509.IPAddress(ipaddress.ip_address(each)) if each[0].isdigit() else x509.DNSName(each) for each in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(spoken), critical=False)
    else:
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
            key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


class Authority:
    """Issues certificates that are trusted by whoever trusts `ca_file`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._made = 0
        self.ca_file = str(folder / "ca.pem")
        root = _certificate("test authority", self._key, "test authority", self._key, days=30)
        Path(self.ca_file).write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def pem(self, *names: str, days: int = 30, password: bytes = b"") -> str:
        """A certificate for these names with its key, in one file."""
        self._made += 1
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(names[0], key, "test authority", self._key, days=days, names=names)
        path = self._folder / f"{self._made}.pem"
        sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
        path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)

    def server(self, *names: str, days: int = 30, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """What a server of these names speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem(*(names or ("127.0.0.1", "localhost")), days=days))
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context


@pytest.fixture(scope="session")
def stamping() -> Iterator[None]:
    """The kernel stamps packets: it begins some time after the first socket of the machine has asked for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        stamped = not ask_for_stamps(client)
        server = listener.accept()[0]
        with server:
            for _ in range(MOST_TRIES):
                if stamped:
                    break
                server.send(b"x")
                stamped = bool(client.recvmsg(1, ANCILLARY_ROOM)[1])
        yield


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def never_before_a_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[Talk], None]:
    """Makes what is set for a time wait until a talk has read something: on a busy machine the time may be over before."""
    at = Timers.at

    def wait(talk: Talk) -> None:
        def later(timers: Timers, at_ns: int, call: Callable[[], None]) -> Deadline:
            def ring() -> None:
                if talk.wire is None or talk.wire.counters.reads:
                    call()
                else:
                    at(timers, timers.now_ns() + MILLISECOND, ring)

            return at(timers, at_ns, ring)

        monkeypatch.setattr(Timers, "at", later)

    return wait
