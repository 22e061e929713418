"""Settings: where they come from, and a sentence for every wrong one."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from seenby.settings import Settings, load_settings
from seenby.words.errors import SettingsError
from seenby.words.policy import Level
from seenby.workbench import settings_table


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_environment_comes_before_the_file_and_the_file_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("seenby.toml").write_text('smtp_listen = "127.0.0.1:1"\napp_listen = "127.0.0.1:2"\n')
    monkeypatch.setenv("SEENBY_SMTP_LISTEN", "127.0.0.1:3")
    settings = load_settings()
    assert (settings.smtp_listen, settings.app_listen) == ("127.0.0.1:3", "127.0.0.1:2")
    assert settings.tracker_listen == "127.0.0.1:8026"
    assert load_settings(smtp_listen="127.0.0.1:4").smtp_listen == "127.0.0.1:4"


def test_another_file_may_be_named_and_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text('pixels = "counted"\n')
    monkeypatch.setenv("SEENBY_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().pixels is Level.COUNTED
    monkeypatch.setenv("SEENBY_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match=r"SEENBY_CONFIG names .*none\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("give_up", "90s", timedelta(seconds=90)),
        ("give_up", "5d", timedelta(days=5)),
        ("repeat_window", "0s", timedelta(0)),
        ("trusted_proxies", "10.0.0.0/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1/128"))),
        ("trusted_proxies", "", ()),
        ("pixels", "Identified", Level.IDENTIFIED),
        ("tracking_url", "https://t.test/", "https://t.test"),
        ("tracking_url", "http://[::1]:80/a", "http://[::1]:80/a"),
        ("dkim_key", "", None),
        ("smtp_listen", "[::1]:25", "[::1]:25"),
        ("database_url", "postgresql://u:p%40@/seenby?host=/run", "postgresql://u:p%40@/seenby?host=/run"),
        ("database_url", "postgresql://u:p@[::1]:5432/x", "postgresql://u:p@[::1]:5432/x"),
    ],
)
def test_what_is_taken(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object) -> None:
    monkeypatch.setenv(f"SEENBY_{name.upper()}", text)
    assert getattr(load_settings(), name) == value


WRONG = [
    ("smtp_listen", "2525", "host:port"),
    ("app_listen", ":8025", "host:port"),
    ("tracker_listen", "127.0.0.1:99999", "host:port"),
    ("preview_listen", "127.0.0.1:²", "host:port"),
    ("app_url", "127.0.0.1:8025", "https://host"),
    ("tracking_url", "ftp://t.test", "https://host"),
    ("tracking_url", "https://t.test/?a", "https://host"),
    ("tracking_url", "http://[", "https://host"),
    ("tracking_url", "https://t.test:99999", "https://host"),
    ("tracking_url", 'https://t.test/"onload=', "https://host"),
    ("preview_url", "https://user@t.test", "https://host"),
    ("owner", "me", "name@domain"),
    ("data", "", "name a folder"),
    ("database_url", "mysql://x", "postgresql://"),
    ("database_url", "postgresql://u:p@h:port/x", "postgresql://"),
    ("pixels", "most", "use off, counted, identified or full"),
    ("links", "", "use off, counted, identified or full"),
    ("give_up", "5", "90s, 5m, 4h or 5d"),
    ("give_up", "-5m", "90s, 5m, 4h or 5d"),
    ("retry_first", "99999999999d", "90s, 5m, 4h or 5d"),
    ("keep_address", "", "90s, 5m, 4h or 5d"),
    ("trusted_proxies", "10.0.0.0/8 home", "'home'"),
    ("log_level", "loud", "'debug'"),
]


@pytest.mark.parametrize(("name", "text", "words"), WRONG)
def test_what_is_not_taken_is_named_with_the_way_to_write_it(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, words: str
) -> None:
    monkeypatch.setenv(f"SEENBY_{name.upper()}", text)
    with pytest.raises(SettingsError) as told:
        load_settings()
    assert str(told.value).startswith(f"{name} (SEENBY_{name.upper()}): ")
    assert words in str(told.value)
    assert str(told.value).endswith(".")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"smtp_port = 'x:1'\n", "smtp_port is no setting of Seenby"),
        (b"[tracker]\nlisten = 'x:1'\n", "tracker is no setting of Seenby"),
        (b"smtp_listen = 25\n", "smtp_listen (SEENBY_SMTP_LISTEN): Input should be a valid string."),
        (b"give_up = -5\n", "give_up (SEENBY_GIVE_UP): write it as"),
        (b"pixels = 3\n", "pixels (SEENBY_PIXELS): '3' is no tracking level"),
        (b"trusted_proxies = 5\n", "trusted_proxies (SEENBY_TRUSTED_PROXIES): write it as"),
        (b"data = \n", "seenby.toml is not valid TOML"),
        (b"data = '\xff'\n", "seenby.toml is not valid TOML"),
    ],
)
def test_a_wrong_file_is_named(content: bytes, words: str) -> None:
    Path("seenby.toml").write_bytes(content)
    with pytest.raises(SettingsError) as told:
        load_settings()
    assert words in str(told.value)


def test_everything_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEENBY_OWNER", "me")
    monkeypatch.setenv("SEENBY_PIXELS", "most")
    with pytest.raises(SettingsError) as told:
        load_settings()
    assert len(str(told.value).splitlines()) == 2


def test_the_table_tells_every_setting() -> None:
    table = settings_table(load_settings(pixels=Level.OFF))
    assert [row["name"] for row in table] == list(Settings.model_fields)
    assert all(row["sentence"].endswith(".") for row in table)
    (pixels,) = [row for row in table if row["name"] == "pixels"]
    assert (pixels["value"], pixels["default"], pixels["environment"]) == ("off", "full", "SEENBY_PIXELS")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("next_hop", "smtp://u:hunter2@h.test:25?tls=none"),
        ("next_hop", "smtp://u@h:hunter2@h.test"),
        ("next_hop", "smtp://u:hun?hunter2@h.test"),
        ("next_hop", "u:hunter2@h.test"),
        ("database_url", "postgresql://u:hunter2@h.test/x"),
        ("database_url", "postgresql://u:p@hunter2@h.test/x"),
        ("database_url", "postgresql:///x?host=h&user=u&password=hunter2"),
        ("database_url", "postgresql://h/x?password=a@hunter2&user=u"),
        ("database_url", "postgresql+asyncpg://u:hunter2@/x?host=/run"),
    ],
)
def test_no_password_is_shown(name: str, url: str) -> None:
    table = settings_table(load_settings(**{name: url}))
    (row,) = [row for row in table if row["name"] == name]
    assert "***" in row["value"]
    assert "hunter2" not in str(table)
