"""Settings: flag, then environment, then default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from routerd.settings import SOURCES, SettingsError, config_path, load, parse_env


def test_defaults() -> None:
    settings = load({}, {})
    assert settings.config == Path("router.yaml")
    assert settings.config_is_default
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.data_dir == Path(".routerd")
    assert settings.database == Path(".routerd/state.db")
    assert settings.backup_file == Path(".routerd/backups/config_backup.json")
    assert (settings.identity_file, settings.identity, settings.admin_token) == (None, None, None)
    assert settings.request_timeout == 10.0
    assert settings.on_boot_error == "last-good"
    assert (settings.tls_cert, settings.tls_key) == (None, None)
    assert settings.warnings == ()


def test_the_data_folder_is_beside_the_config() -> None:
    settings = load({"config": "/etc/routerd/router.yaml"}, {})
    assert settings.folder == Path("/etc/routerd")
    assert settings.database == Path("/etc/routerd/.routerd/state.db")
    assert load({"data_dir": "/data"}, {}).backup_file == Path("/data/backups/config_backup.json")


# setting, flag's value, variable's value, what each means
TABLE: list[tuple[str, Any, str, Any, Any]] = [
    ("config", "a.yaml", "b.yaml", Path("a.yaml"), Path("b.yaml")),
    ("host", "0.0.0.0", "::1", "0.0.0.0", "::1"),
    ("port", 9000, "9001", 9000, 9001),
    ("data_dir", "/a", "/b", Path("/a"), Path("/b")),
    ("database", "/a.db", "/b.db", Path("/a.db"), Path("/b.db")),
    ("backup_file", "/a.json", "/b.json", Path("/a.json"), Path("/b.json")),
    ("identity_file", "/a.txt", "/b.txt", Path("/a.txt"), Path("/b.txt")),
    ("request_timeout", "2.5", "7", 2.5, 7.0),
    ("on_boot_error", "refuse", "last-good", "refuse", "last-good"),
]


@pytest.mark.parametrize(("name", "flag", "variable", "from_flag", "from_variable"), TABLE, ids=str)
def test_flag_before_environment(name: str, flag: Any, variable: str, from_flag: Any, from_variable: Any) -> None:
    source = SOURCES[name]
    assert source.flag is not None and source.variable is not None
    environ = {source.variable: variable}
    assert getattr(load({source.flag: flag}, environ), name) == from_flag
    assert getattr(load({source.flag: None}, environ), name) == from_variable
    assert getattr(load({}, {source.variable: " "}), name) == getattr(load({}, {}), name)


def test_secrets_come_from_the_environment_alone() -> None:
    environ = {"ROUTERD_ADMIN_TOKEN": "canary-token", "ROUTERD_IDENTITY": "canary-identity"}
    settings = load({"admin_token": "x", "identity": "/id.txt"}, environ)
    assert (settings.admin_token, settings.identity) == ("canary-token", "canary-identity")
    assert settings.identity_file == Path("/id.txt")
    assert "canary" not in repr(settings)


def test_tls() -> None:
    settings = load({"tls_cert": "/cert.pem"}, {"ROUTERD_TLS_KEY": "/key.pem"})
    assert (settings.tls_cert, settings.tls_key) == (Path("/cert.pem"), Path("/key.pem"))


@pytest.mark.parametrize(
    ("flags", "environ", "message"),
    [
        ({}, {"ROUTERD_ADMIN_TOKEN": ""}, "ROUTERD_ADMIN_TOKEN is empty"),
        ({}, {"ROUTERD_ADMIN_TOKEN": "  "}, "ROUTERD_ADMIN_TOKEN is empty"),
        ({}, {"ROUTERD_IDENTITY": ""}, "ROUTERD_IDENTITY is empty"),
        ({"port": "http"}, {}, "--port or ROUTERD_PORT is no port"),
        ({"port": 70000}, {}, "is no port"),
        ({"port": "-1"}, {}, "is no port"),
        ({}, {"ROUTERD_PORT": "80 00"}, "is no port"),
        ({"host": "http://localhost"}, {}, "is no address"),
        ({"host": ""}, {}, "is no address"),
        ({"host": "a..b"}, {}, "is no address"),
        ({"host": "a" * 64}, {}, "is no address"),
        ({"request_timeout": "0"}, {}, "is no timeout"),
        ({"request_timeout": "nan"}, {}, "is no timeout"),
        ({"request_timeout": "ten"}, {}, "is no timeout"),
        ({}, {"ROUTERD_ON_BOOT_ERROR": "ignore"}, "must be last-good or refuse"),
        ({"tls_cert": "/cert.pem"}, {}, "belong together"),
        ({"data_dir": ""}, {}, "--data-dir or ROUTERD_DATA_DIR is empty"),
    ],
)
def test_what_is_refused(flags: dict[str, Any], environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load(flags, environ)


def test_brackets_of_an_address_are_taken_off() -> None:
    assert load({"host": "[::1]"}, {}).host == "::1"


def test_variables_that_do_nothing_are_named() -> None:
    environ = {
        "BACKEND_DATABASE_URL": "sqlite:///x",
        "BACKEND_API_KEY_SECRET": "canary",
        "BACKEND_REQUEST_TIMEOUT_SECONDS": "10",
        "BACKEND_SOMETHING": "x",
        "ROUTERD_DATADIR": "/data",
        "ROUTERD_CORPUS": "/corpus",
        "PATH": "/bin",
    }
    warnings = load({}, environ).warnings
    assert [warning.split(" ")[0] for warning in warnings] == [*sorted(environ)[:4], "ROUTERD_DATADIR"]
    assert "did you mean ROUTERD_DATA_DIR?" in warnings[-1]
    assert "ROUTERD_REQUEST_TIMEOUT_SECONDS" in warnings[2]
    assert "canary" not in "".join(warnings)


def test_the_configs_path_comes_first() -> None:
    assert config_path({}, {}) == Path("router.yaml")
    assert config_path({}, {"ROUTERD_CONFIG": "/config/router.yaml"}) == Path("/config/router.yaml")
    assert config_path({"config": "x.yaml"}, {"ROUTERD_CONFIG": "/config/router.yaml"}) == Path("x.yaml")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=value", "value"),
        ("KEY=", ""),
        ("KEY =  value ", "value"),
        ("export KEY=value", "value"),
        ("KEY=two words", "two words"),
        ("KEY=value # comment", "value"),
        ("KEY=va#lue", "va#lue"),
        ("KEY=#comment", ""),
        ("KEY='single # $NOT \\n'", "single # $NOT \\n"),
        ('KEY="double # \\"quoted\\" \\n\\$"', 'double # "quoted" \n$'),
        ("KEY='quoted' # comment", "quoted"),
        ("KEY=sk-$abc=", "sk-$abc="),
        ("\ufeffKEY=value", "value"),
        ("# KEY=no\n\n  KEY=yes\r\n", "yes"),
        ("KEY=one\nKEY=two", "two"),
    ],
)
def test_env_files(line: str, value: str) -> None:
    assert parse_env(line) == {"KEY": value}


@pytest.mark.parametrize("line", ["KEY", "KEY value", "1KEY=x", "KEY='open", 'KEY="open', "KEY='a' b", "= x", "KEY: x"])
def test_broken_env_files(line: str) -> None:
    with pytest.raises(SettingsError, match=r"^\.env:2 is not NAME=value"):
        parse_env(f"# canary\n{line}")
