"""What doctor says of the DNS of return addresses."""

from pathlib import Path

import dns.resolver
import pytest

from seenby.delivery import return_record
from seenby.delivery.dkim_record import DnsError
from seenby.delivery.return_record import check_return_path, mail_servers
from seenby.doctor import examine
from seenby.settings import load_settings

DOMAIN = "bounces.acme.test"
SPF = "v=spf1 include:_spf.acme.test -all"


@pytest.mark.parametrize(
    ("mx", "txt", "said", "is_cured"),
    [
        pytest.param(
            ["mx.acme.test"], [SPF, "other=1"], ("go to mx.acme.test", "has an SPF"), (False, False), id="well"
        ),
        pytest.param([], [SPF], ("has no MX", "has an SPF"), (True, False), id="no MX"),
        pytest.param([""], [SPF], ("takes no mail", "has an SPF"), (True, False), id="null MX"),
        pytest.param(["mx.acme.test"], ["x=1"], ("go to", "has no SPF"), (False, True), id="no SPF"),
        pytest.param(["mx.acme.test"], [SPF, SPF.upper()], ("go to", "several"), (False, True), id="two SPF records"),
    ],
)
def test_what_the_dns_must_say_is_said(mx, txt, said, is_cured):
    records = check_return_path(DOMAIN, mx=lambda _domain: mx, txt=lambda _domain: txt)
    assert all(words in record.what for words, record in zip(said, records, strict=True))
    assert tuple(bool(record.cure) for record in records) == is_cured


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("mx", "said"),
    [
        pytest.param(["mx.acme.test"], "Bounces to bounces.acme.test go to mx.acme.test", id="found"),
        pytest.param(DnsError("The DNS did not answer."), "The DNS did not answer.", id="no answer"),
    ],
)
async def test_doctor_tells_of_it(mx, said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def asked(_domain: str) -> list[str]:
        if isinstance(mx, DnsError):
            raise mx
        return list(mx)

    monkeypatch.setattr(return_record.check_return_path, "__kwdefaults__", {"mx": asked, "txt": lambda _domain: [SPF]})
    ports = {f"{name}_listen": "127.0.0.1:0" for name in ("smtp", "app", "tracker", "preview")}
    found = await examine(load_settings(data=tmp_path / "none", return_path=DOMAIN, **ports))
    assert any(said in f"{one.what} {one.cure}" for one in found)
    without = await examine(load_settings(data=tmp_path / "none", **ports))
    assert any("no return_path" in one.what for one in without)


@pytest.mark.parametrize("error", [dns.resolver.NXDOMAIN, dns.resolver.NoAnswer])
def test_a_name_without_mail_servers_has_none(error, monkeypatch: pytest.MonkeyPatch):
    def resolve(*_arguments: object, **_options: object) -> object:
        raise error.__new__(error)

    monkeypatch.setattr(dns.resolver.Resolver, "resolve", resolve)
    assert mail_servers(DOMAIN) == []


def test_a_dns_that_is_silent_is_said_to_be(monkeypatch: pytest.MonkeyPatch):
    def resolve(*_arguments: object, **_options: object) -> object:
        raise OSError("unreachable")

    monkeypatch.setattr(dns.resolver.Resolver, "resolve", resolve)
    with pytest.raises(DnsError):
        mail_servers(DOMAIN)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [("", ""), ("bounces.acme.test", "bounces.acme.test"), ("Bounces.Acme.TEST.", "bounces.acme.test")],
)
def test_the_setting_is_a_domain(text, becomes):
    assert load_settings(return_path=text).return_path == becomes


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "a@b.test",
        "@b.test",
        "b..test",
        "-b.test",
        "bücher.test",
        "b.test/",
        "b .test",
        "[1.2.3.4]",
        ".".join(["b" * 60] * 4),
    ],
)
def test_what_is_no_domain_is_refused_with_the_settings_name(text):
    with pytest.raises(Exception, match="SEENBY_RETURN_PATH"):
        load_settings(return_path=text)
