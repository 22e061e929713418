"""DKIM keys: made, published, looked up, and their signatures checked by programs that are not ours."""

import base64
import hashlib
import json
import re
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from seenby.cli import app
from seenby.delivery.dkim import DkimKey, dkim_header, dkim_keys, keys_for, keys_in
from seenby.delivery.dkim_record import Published, check_key, create_key, record, record_name, zone_line
from seenby.settings import load_settings
from seenby.words.errors import KeyFileError, SeenbyError
from tests.conftest import require

OPENDKIM = Path("/usr/sbin/opendkim")
MESSAGE = (
    b"From: Alice <alice@example.com>\r\nTo: Rita <rita@example.net>\r\nSubject: Offer\r\n folded  twice\r\n"
    b"Date: Mon, 2 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
    b"List-Unsubscribe: <https://example.com/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"\r\nHello  Rita, \r\n.dot\r\n\r\nBye\r\n\r\n\r\n"
)


@pytest.fixture(params=[True, False], ids=["RSA", "Ed25519"])
def key(request: pytest.FixtureRequest, tmp_path: Path) -> DkimKey:
    return create_key(tmp_path / "dkim", domain="example.com", selector="s1", rsa_key=request.param)[1]


def run(*arguments: str, data: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["dkim", *arguments, "--data", str(data)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@contextmanager
def name_server(records: dict[str, list[str]]) -> Iterator[str]:
    """A DNS server on the loopback that knows these TXT records and no other name."""
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            wire, client = door.recvfrom(4096)
            if wire == b"stop":
                return
            query = dns.message.from_wire(wire)
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.AA
            name = query.question[0].name
            texts = records.get(name.to_text().rstrip("."))
            if texts is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            for text in texts or ():
                strings = " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", strings))
            door.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{door.getsockname()[1]}"
    finally:
        door.sendto(b"stop", door.getsockname())
        thread.join()
        door.close()


@pytest.mark.parametrize(("kind", "selector"), [("rsa", "seenby"), ("ed25519", "seenby-ed")])
def test_a_key_is_made_for_the_owner_alone_and_the_record_is_printed(tmp_path: Path, kind: str, selector: str) -> None:
    code, text = run("create", "Example.COM", "--type", kind, "--json", data=tmp_path / "d")
    told = json.loads(text)
    file = tmp_path / "d" / "keys" / "dkim" / f"example.com.{selector}.pem"
    assert (code, told["file"]) == (0, str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert told["name"] == f"{selector}._domainkey.example.com"
    assert told["value"].startswith(f"v=DKIM1; k={kind}; p=")
    assert "".join(re.findall('"([^"]{1,255})"', told["zone"])) == told["value"]
    with pytest.raises(KeyFileError, match="already"):
        run("create", "example.com", "--type", kind, data=tmp_path / "d")


def test_what_is_printed_for_people_names_the_record_and_the_settings(tmp_path: Path) -> None:
    _code, text = run("create", "bücher.example", "--selector", "S2", data=tmp_path / "d")
    assert "s2._domainkey.xn--bcher-kva.example" in text
    assert 'dkim_domain = "xn--bcher-kva.example"' in text
    assert "seenby dkim check" in text


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["create", "com"], id="no domain"),
        pytest.param(["create", "../../etc.x"], id="a path"),
        pytest.param(["create", "example.com", "--selector", "a.b"], id="a dot in the selector"),
        pytest.param(["create", "example.com", "--selector", "../x"], id="a path as selector"),
        pytest.param(["create", "example.com", "--type", "dsa"], id="a type we do not know"),
        pytest.param(["check", "example.com"], id="nothing to check"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SeenbyError, match=r"\.|create"):
        run(*arguments, data=tmp_path / "d")


def test_a_published_key_is_found_and_an_unpublished_one_is_told_how_to_be(tmp_path: Path) -> None:
    told = json.loads(run("create", "example.com", "--json", data=tmp_path / "d")[1])
    with name_server({told["name"]: [told["value"]]}) as server:
        assert run("check", "example.com", "--server", server, data=tmp_path / "d")[0] == 0
        code, text = run("check", "news.example.com", "--server", server, data=tmp_path / "d")
    assert (code, "belongs to our key" in text) == (0, True)
    with name_server({}) as server:
        code, text = run("check", "example.com", "--server", server, data=tmp_path / "d")
    assert code == 1
    assert told["value"] in text


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(["{ours}"], "belongs to our key", id="ours"),
        pytest.param([" v = DKIM1 ;k={kind};\tp={half} {rest} ; "], "belongs to our key", id="ours with spaces"),
        pytest.param([], "no TXT record", id="none"),
        pytest.param(["{ours}", "{ours}"], "several", id="two"),
        pytest.param(["hello"], "no DKIM key", id="another text"),
        pytest.param(["{ours}; p=x"], "no DKIM key", id="a tag twice"),
        pytest.param(["v=DKIM2; k={kind}; p={half}{rest}"], "version", id="another version"),
        pytest.param(["v=DKIM1; k={kind}; p="], "revoked", id="revoked"),
        pytest.param(["v=DKIM1; k={kind}; p=AAAA"], "another key", id="another key"),
        pytest.param(["v=DKIM1; k={kind}; p=!"], "another key", id="no base64"),
        pytest.param(["{ours}; h=sha1"], "forbids sha256", id="sha1 only"),
        pytest.param(["{ours}; s=tlsrpt"], "not for mail", id="another service"),
        pytest.param(["{ours}; t=s:y"], "only tests", id="testing"),
    ],
)
def test_a_record_is_read_as_receivers_read_it(key: DkimKey, found: list[str], said: str) -> None:
    ours = record(key)
    kind, public = re.findall(r"k=(\w+); p=(.*)", ours)[0]
    texts = [one.format(ours=ours, kind=kind, half=public[:10], rest=public[10:]) for one in found]
    told: Published = check_key(key, look_up=lambda _name: texts)
    assert said in told.what
    assert bool(told.cure) == (said != "belongs to our key")


def test_the_nearest_domains_keys_sign(tmp_path: Path) -> None:
    for domain, selector, is_rsa in (("a.test", "x", True), ("a.test", "y", False), ("b.a.test", "x", False)):
        create_key(tmp_path, domain=domain, selector=selector, rsa_key=is_rsa)
    keys = keys_in(tmp_path)

    def names(domain: str) -> list[str]:
        return [f"{key.selector}.{key.domain}" for key in keys_for(domain, keys)]

    assert names("a.test") == names("c.a.test") == ["x.a.test", "y.a.test"]
    assert names("b.a.test") == names("d.b.a.test") == ["x.b.a.test"]
    assert names("xa.test") == names("test") == []


def test_keys_of_the_folder_and_of_the_settings_sign_both(tmp_path: Path) -> None:
    made, _key = create_key(tmp_path / "keys" / "dkim", domain="a.test", selector="x", rsa_key=False)
    create_key(tmp_path / "keys" / "dkim", domain="b.test", selector="x", rsa_key=False)
    settings = load_settings(data=tmp_path, dkim_domain="a.test", dkim_selector="x", dkim_key=made)
    assert [(key.domain, key.selector) for key in dkim_keys(settings)] == [("a.test", "x"), ("b.test", "x")]
    assert len(dkim_keys(load_settings(data=tmp_path))) == 2
    made.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod"):
        dkim_keys(settings)


def test_openssl_verifies_what_we_signed(key: DkimKey, tmp_path: Path) -> None:
    """RFC 6376 3.7 by hand, relaxed/relaxed, and the arithmetic by openssl: no code of ours or of dkimpy's."""
    header = dkim_header(MESSAGE, by=key)
    tags = dict(part.split(b"=", 1) for part in re.sub(rb"\s", b"", header.split(b":", 1)[1]).split(b";") if part)
    body = re.sub(rb"[ \t]+", b" ", MESSAGE.split(b"\r\n\r\n", 1)[1]).replace(b" \r\n", b"\r\n").rstrip(b"\r\n")
    assert base64.b64decode(tags[b"bh"]) == hashlib.sha256(body + b"\r\n").digest()
    assert b"l" not in tags
    lines = re.findall(rb"([\w-]+):(.*(?:\r\n[ \t].*)*)\r\n", MESSAGE.split(b"\r\n\r\n")[0] + b"\r\n")
    signed = b""
    for name in tags[b"h"].lower().split(b":"):
        at = next((i for i in reversed(range(len(lines))) if lines[i][0].lower() == name), None)
        if at is not None:
            signed += name + b":" + b" ".join(lines.pop(at)[1].split()) + b"\r\n"
    unsigned = re.sub(rb"([;\s]b=)[A-Za-z0-9+/=\s]*\Z", rb"\1", header)
    signed += b"dkim-signature:" + b" ".join(unsigned.split(b":", 1)[1].split())
    files = {name: tmp_path / name for name in ("data", "signature", "public")}
    files["signature"].write_bytes(base64.b64decode(tags[b"b"]))
    files["public"].write_bytes(key.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    files["data"].write_bytes(signed if key.algorithm == b"rsa-sha256" else hashlib.sha256(signed).digest())
    names = {name: str(path) for name, path in files.items()}
    command = (
        f"openssl dgst -sha256 -verify {names['public']} -signature {names['signature']} {names['data']}"
        if key.algorithm == b"rsa-sha256"
        else f"openssl pkeyutl -verify -rawin -pubin -inkey {names['public']} -sigfile {names['signature']} "
        f"-in {names['data']}"
    ).split()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def opendkim_says(message: bytes, key: DkimKey, folder: Path) -> str:
    """What Debian's opendkim finds, with our record instead of the DNS."""
    records, conf, mail = folder / "records", folder / "opendkim.conf", folder / "mail"
    records.write_text(f"{record_name(key)} {record(key)}\n")
    conf.write_text(f"Mode v\nTestDNSData file:{records}\n")
    mail.write_bytes(message)
    done = subprocess.run(
        [str(OPENDKIM), "-f", "-x", str(conf), "-t", str(mail), "-v", "-v"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout + done.stderr


def test_opendkim_verifies_what_we_signed_and_nothing_else(key: DkimKey, tmp_path: Path) -> None:
    require(OPENDKIM.exists(), "opendkim")
    signed = dkim_header(MESSAGE, by=key) + MESSAGE
    assert "dkim=pass" in (said := opendkim_says(signed, key, tmp_path)), said
    for changed in (signed.replace(b"Bye", b"By"), b"Subject: Another\r\n" + signed, signed + b"more\r\n"):
        assert "dkim=pass" not in opendkim_says(changed, key, tmp_path)


def test_a_zone_line_holds_strings_that_are_short_enough(key: DkimKey) -> None:
    strings = re.findall('"([^"]*)"', zone_line(key))
    assert max(map(len, strings)) <= 255
    assert "".join(strings) == record(key)
