"""A mock-up of Redfish that sushy-tools serve, and a BMC with sessions and its own certificate."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fakes import daemons
from fakes.json_server import Answer, JsonHandler, json_server
from fakes.trouble import check_trouble, proxy

from harness.meters.base import Meter, Unavailable

MakeMeter = Callable[..., Meter]
ROOT = "/redfish/v1"
POWER_W = 355
SERVICE = {
    "RedfishVersion": "1.17.0",
    "Vendor": "ACME",
    "Product": "BMC",
    "Chassis": {"@odata.id": f"{ROOT}/Chassis"},
}
GENERATIONS = {
    "sensors": ("Sensors/TotalPower", {"Reading": POWER_W, "ReadingUnits": "W"}),
    "environment": ("EnvironmentMetrics", {"PowerWatts": {"Reading": POWER_W}}),
    "power": ("Power", {"PowerControl": [{"PowerConsumedWatts": POWER_W}]}),
}


def resources(generation: str, *chassis: str) -> dict[str, Any]:
    """Return the resources of a service that speaks one generation of the schema."""
    path, document = GENERATIONS[generation]
    names = chassis or ("1",)
    members = [{"@odata.id": f"{ROOT}/Chassis/{name}"} for name in names]
    found: dict[str, Any] = {
        ROOT: SERVICE,
        f"{ROOT}/Chassis": {"Members": members},
        f"{ROOT}/Systems": {"Members": [{"@odata.id": f"{ROOT}/Systems/1"}]},
        f"{ROOT}/Systems/1": {"SerialNumber": "SN-4711"},
    }
    return found | {f"{ROOT}/Chassis/{name}/{path}": document for name in names}


@functools.cache
def sushy(generation: str) -> int:
    """A mock-up of one generation, served by sushy-tools."""
    pytest.importorskip("sushy_tools", reason="pip install sushy-tools")
    program = daemons.require("sushy-static", "python3-sushy-tools (or pip install sushy-tools)")
    folder, port = daemons.folder("redfish"), daemons.free_port()
    for path, document in resources(generation, "1").items():
        place = folder / path.removeprefix("/redfish/v1").lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        (place / "index.json").write_text(json.dumps(document))
    arguments = ["--mockup-files", str(folder), "--port", str(port), "--interface", "127.0.0.1"]
    daemons.start([program, *arguments], port, cwd=folder)
    return port


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a BMC for the contract of all meters."""
    del tmp_path, monkeypatch
    port = str(sushy("power"))
    return {"host": "127.0.0.1", "port": port, "tls": "no", "refresh": "0.01"}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_generation_of_the_schema_is_recognised(
    network_meter: MakeMeter, generation: str
) -> None:
    meter = network_meter("redfish", sushy(generation), tls="no")
    channel = meter.probe()[0]
    assert (channel.id, channel.boundary, channel.meter) == ("node", "node", "bmc-redfish")
    assert [reading.value for reading in meter.read()] == [POWER_W]
    configuration = meter.configuration()  # type: ignore[attr-defined]
    assert configuration["device"] == generation
    assert configuration["identity"]["service"] == "Redfish 1.17.0"
    assert "SN-4711" not in str(configuration) + channel.calibration_id


def plain(documents: dict[str, Any]) -> dict[str, Answer]:
    answers: dict[str, Answer] = {
        path: (lambda _, document=document: document) for path, document in documents.items()
    }
    return answers | {f"{ROOT}/": lambda _: SERVICE}


def test_several_chassis_are_several_channels(network_meter: MakeMeter) -> None:
    with json_server(plain(resources("power", "Left", "Right"))) as port:
        meter = network_meter("redfish", port, tls="no")
        assert [channel.id for channel in meter.probe()] == ["node-Left", "node-Right"]
        assert len(meter.read()) == 2


def test_a_sensor_with_its_own_time_gives_each_reading_once(network_meter: MakeMeter) -> None:
    documents = resources("sensors")
    sensor = documents[f"{ROOT}/Chassis/1/Sensors/TotalPower"]
    now = datetime.datetime.now(datetime.UTC)
    with json_server(plain(documents)) as port:
        sensor |= {"ReadingTime": now.isoformat()}
        meter = network_meter("redfish", port, tls="no", refresh="0.02")
        assert meter.probe()[0].clock == "device"
        (reading,) = meter.read()
        assert reading.t_ns == pytest.approx(now.timestamp() * 1e9, abs=2000)
        meter._due_ns = 0  # type: ignore[attr-defined]
        assert list(meter.read()) == []
        sensor |= {"ReadingTime": (now + datetime.timedelta(seconds=1)).isoformat()}
        meter._due_ns = 0  # type: ignore[attr-defined]
        assert len(meter.read()) == 1


class Sessions:
    """Sessions of a BMC: how many are open, and who may come in."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.made = 0

    def login(self, request: JsonHandler) -> object:
        stated = json.loads(request.body)
        if stated != {"UserName": "reader", "Password": "s3cret"}:
            return 401, {"WWW-Authenticate": 'Basic realm="BMC"'}, "{}"
        self.made += 1
        self.open.add(f"token-{self.made}")
        place = f"{ROOT}/SessionService/Sessions/{self.made}"
        return 201, {"X-Auth-Token": f"token-{self.made}", "Location": place}, "{}"

    def logout(self, request: JsonHandler) -> object:
        self.open.discard(f"token-{request.path.rpartition('/')[2]}")
        return 204, {}, ""

    def guarded(self, document: object) -> Answer:
        def answer(request: JsonHandler) -> object:
            if request.headers.get("X-Auth-Token") in self.open:
                return document
            return 401, {"WWW-Authenticate": 'Basic realm="BMC"'}, "{}"

        return answer

    def answers(self) -> dict[str, Answer]:
        documents = resources("power")
        return {
            **{path: self.guarded(document) for path, document in documents.items()},
            f"{ROOT}/": lambda _: SERVICE,
            f"{ROOT}/SessionService/Sessions": self.login,
            **{f"{ROOT}/SessionService/Sessions/{n}": self.logout for n in range(1, 6)},
        }


def test_one_session_is_opened_and_closed(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOULEMARK_REDFISH_PASSWORD", "s3cret")
    sessions = Sessions()
    with json_server(sessions.answers()) as port:
        meter = network_meter("redfish", port, tls="no", user="reader", refresh="0.01")
        meter.probe()
        for _ in range(3):
            meter._due_ns = 0  # type: ignore[attr-defined]
            meter.read()
        assert (sessions.made, len(sessions.open)) == (1, 1)
        record = repr(meter.configuration()) + repr(meter.client)  # type: ignore[attr-defined]
        assert "s3cret" not in record
        assert "token-1" not in record
        meter.close()  # type: ignore[attr-defined]
        assert sessions.open == set()


def test_a_wrong_password_is_refused_once(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOULEMARK_REDFISH_PASSWORD", "wrong")
    sessions = Sessions()
    with json_server(sessions.answers()) as port:
        meter = network_meter("redfish", port, tls="no", user="reader")
        with pytest.raises(Unavailable, match=r"the login is refused.*401"):
            meter.probe()
    assert sessions.made == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A self-signed certificate, and its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bmc.lab")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "bmc.pem"
    form = serialization.Encoding.PEM
    private = key.private_bytes(
        form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()


def test_a_self_signed_certificate_is_trusted_by_its_fingerprint_alone(
    network_meter: MakeMeter, certificate: tuple[ssl.SSLContext, str]
) -> None:
    context, fingerprint = certificate
    with json_server(plain(resources("power")), context) as port:
        with pytest.raises(Unavailable, match=r"certificate is not trusted.*fingerprint=SHA256"):
            network_meter("redfish", port).probe()
        with pytest.raises(Unavailable, match="another fingerprint"):
            network_meter("redfish", port, fingerprint="0" * 64).probe()
        meter = network_meter("redfish", port, fingerprint=f"sha256:{fingerprint.upper()}")
        meter.probe()
        assert meter.configuration()["tls"] == "fingerprint"  # type: ignore[attr-defined]
        insecure = network_meter("redfish", port, insecure="yes")
        insecure.probe()
        assert insecure.configuration()["tls"] == "any certificate"  # type: ignore[attr-defined]


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(sushy("power")) as between:
        options = {"tls": "no", "timeout": "0.4", "refresh": "0.05"}
        check_trouble(network_meter("redfish", between.port, **options), between)
