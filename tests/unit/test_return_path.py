"""A return address reads back as it was signed, in any case of its letters, and as nothing else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seenby.words.address import MAX_LOCAL, parse_address
from seenby.words.policy import Level
from seenby.words.return_path import MAC_BYTES, PREFIX, parse_return_path, sign_return_path
from seenby.words.token import Keyring, Kind, Token, decode_id, encode_id, parse_token, sign_token

KEYS = Keyring(keys={7: b"k" * 32, 8: b"o" * 32}, current=7)
DOMAIN = "bounces.acme.test"
RITA = encode_id(b"rita's 8")
recipients = st.binary(min_size=8, max_size=8).map(encode_id)
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def read(text: str, keys: Keyring = KEYS, domain: str = DOMAIN) -> str | None:
    return parse_return_path(text, keys, domain=domain)


@given(recipients, st.sampled_from([7, 8]), st.data())
def test_it_names_its_recipient_however_a_mail_system_writes_its_letters(recipient, key_id, data):
    address = sign_return_path(recipient, KEYS, domain=DOMAIN, key_id=key_id)
    local = address.partition("@")[0]
    assert len(local) <= MAX_LOCAL
    assert parse_address(address) is not None
    upper = data.draw(st.lists(st.booleans(), min_size=len(address), max_size=len(address)))
    folded = "".join(letter.upper() if up else letter for letter, up in zip(address, upper, strict=True))
    assert read(address) == read(folded) == read(f"<{folded}>") == recipient


@given(recipients, st.data())
def test_any_one_character_changed_is_nothing_of_ours(recipient, data):
    local, _, domain = sign_return_path(recipient, KEYS, domain=DOMAIN).partition("@")
    at = data.draw(st.integers(0, len(local) - 1))
    other = data.draw(st.sampled_from(ALPHABET + "-.=018").filter(lambda letter: letter != local[at]))
    assert read(f"{local[:at]}{other}{local[at + 1 :]}@{domain}") is None


@given(st.text(max_size=120) | st.text(ALPHABET, min_size=40, max_size=40).map(lambda s: f"{PREFIX}{s}@{DOMAIN}"))
def test_garbage_is_nothing_and_raises_nothing(text):
    assert read(text) is None
    assert read(text, domain="") is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a.replace("bounces.", ""), id="another domain"),
        pytest.param(lambda a: a + ".evil.test", id="a domain below another"),
        pytest.param(lambda a: a.replace("@", "@x."), id="a domain below ours"),
        pytest.param(lambda a: a.replace("@", "%evil.test@"), id="percent hack"),
        pytest.param(lambda a: a.replace("@", "@evil.test@"), id="two domains"),
        pytest.param(lambda a: "evil.test!" + a, id="bang path"),
        pytest.param(lambda a: "@evil.test:" + a, id="source route"),
        pytest.param(lambda a: '"' + a.replace("@", '"@'), id="quoted"),
        pytest.param(lambda a: a.replace("@", "+x@"), id="with a tag"),
        pytest.param(lambda a: a.replace("@", "=@"), id="padded"),
        pytest.param(lambda a: a.removeprefix(PREFIX), id="without prefix"),
        pytest.param(lambda a: a.replace("@", "a@"), id="longer"),
        pytest.param(lambda a: a.replace("@", "a" * 300 + "@"), id="much longer"),
        pytest.param(lambda a: a[:20] + a[21:], id="shorter"),
        pytest.param(lambda a: a.replace("b-", "\uff42-"), id="wide letters"),
        pytest.param(lambda a: a.replace("s", "\u017f"), id="letters that fold into ours"),
        pytest.param(lambda a: a.replace("k", "\u212a"), id="the sign for Kelvin"),
        pytest.param(lambda a: "", id="empty"),
        pytest.param(lambda a: "<>", id="the empty return path"),
        pytest.param(lambda a: a.partition("@")[0], id="no domain"),
    ],
)
def test_an_address_that_only_looks_like_ours_is_none(change):
    address = sign_return_path(RITA, KEYS, domain=DOMAIN)
    assert read(address) == RITA
    changed = change(address)
    assert changed == address or read(changed) is None


def test_old_keys_stay_good_and_unknown_and_revoked_ones_are_not():
    old = sign_return_path(RITA, KEYS, domain=DOMAIN, key_id=8)
    assert read(old, Keyring(keys={7: b"k" * 32, 8: b"o" * 32, 9: b"n" * 32}, current=9)) == RITA
    assert read(old, Keyring(keys={7: b"k" * 32}, current=7)) is None
    assert read(old, Keyring(keys={8: b"x" * 32}, current=8)) is None


def test_a_token_is_no_return_address_and_a_return_address_no_token():
    assert MAC_BYTES * 8 >= 80
    token = Token(kind=Kind.PIXEL, level=Level.FULL, message=encode_id(b"m" * 12), recipient=RITA)
    mac = (decode_id(sign_token(token, KEYS)) or b"")[-MAC_BYTES:]
    body = (decode_id(RITA) or b"") + (7).to_bytes(2, "big")
    assert read(f"{PREFIX}{base64.b32encode(body + mac).decode().lower()}@{DOMAIN}") is None
    local = sign_return_path(RITA, KEYS, domain=DOMAIN).partition("@")[0]
    raw = base64.b32decode(local.removeprefix(PREFIX).upper())
    for kind in Kind:
        assert parse_token(local, KEYS, kind=kind) is None
        assert parse_token(encode_id(raw), KEYS, kind=kind) is None


def test_what_is_no_recipient_gets_no_address():
    with pytest.raises(ValueError, match="8 bytes"):
        sign_return_path("short", KEYS, domain=DOMAIN)
