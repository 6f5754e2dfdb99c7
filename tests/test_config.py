"""Settings from flags, environment and file."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petstream.config import (
    Address,
    CommonConfig,
    Config,
    DemoConfig,
    MonitorConfig,
    PortRange,
    TurnServer,
    environment_key,
    help_text,
    ice,
    load_config,
    options_of,
    settings_as_toml,
    values,
)
from petstream.errors import ConfigError

# For every option of every command: a text, and what it means.
SAMPLES: dict[type[CommonConfig], dict[str, tuple[str, object]]] = {
    Config: {
        "shm": ("/other", "/other"),
        "detections": ("/boxes", "/boxes"),
        "http": ("127.0.0.1:9000", Address("127.0.0.1", 9000)),
        "metrics": (":9091", Address("", 9091)),
        "pprof": ("", None),
        "monitor": (":8080", Address("", 8080)),
        "record-path": ("/srv/films", Path("/srv/films")),
        "record-max-duration": ("3600", 3600.0),
        "record-segment": ("0.5", 0.5),
        "record-quota": ("1.5G", 3 * 2**29),
        "record-min-free": ("500MiB", 500 * 2**20),
        "pre-roll": ("2.5", 2.5),
        "max-clients": ("1000", 1000),
        "udp-ports": ("50000-50100", PortRange(50000, 50100)),
        "ice-addresses": ("192.168.1.2,fe80::1", ("192.168.1.2", "fe80::1")),
        "stun": ("a.example:1,stun:b.example", ("stun:a.example:1", "stun:b.example")),
        "turn": (
            "turn:me:p%2Cw@t.example:3478?transport=tcp",
            (TurnServer("turn:t.example:3478?transport=tcp", "me", "p,w"),),
        ),
        "allowed-host": ("Cam.Example,other", ("cam.example", "other")),
        "allow-origin": ("https://a.example,http://b:80/", ("https://a.example", "http://b")),
        "auth-token-file": ("/etc/token", Path("/etc/token")),
        "log-level": ("WARNING", "warn"),
        "log-color": ("false", "never"),
        "log-format": ("json", "json"),
    },
    MonitorConfig: {
        "http": ("8088", Address("", 8088)),
        "server": ("http://[::1]:8081", "http://[::1]:8081"),
        "detections": ("/boxes", "/boxes"),
        "stun": ("a.example", ("stun:a.example",)),
        "turn": ("turns:me:pw@t.example", (TurnServer("turns:t.example", "me", "pw"),)),
        "allowed-host": ("a", ("a",)),
        "allow-origin": ("https://a.example:8443", ("https://a.example:8443",)),
        "auth-token-file": ("/etc/token", Path("/etc/token")),
        "log-level": ("silent", "silent"),
        "log-color": ("true", "always"),
        "log-format": ("JSON", "json"),
    },
    DemoConfig: {
        "fixture": ("barcode-480p30", "barcode-480p30"),
        "shm": ("/other", "/other"),
        "detections": ("/boxes", "/boxes"),
        "http": (":1", Address("", 1)),
        "monitor": (":2", Address("", 2)),
        "metrics": ("[::1]:3", Address("::1", 3)),
        "pprof": ("localhost:4", Address("localhost", 4)),
        "record-path": ("x", Path("x")),
        "log-level": ("debug", "debug"),
        "log-color": ("auto", "auto"),
        "log-format": ("text", "text"),
    },
}

EVERY = [
    pytest.param(schema, name, id=f"{schema.__name__}-{name}")
    for schema, samples in SAMPLES.items()
    for name in samples
]


def value_of(config: CommonConfig, name: str) -> object:
    """The setting by its name."""
    return getattr(config, name.replace("-", "_"))


def toml_file(tmp_path: Path, text: str) -> str:
    """A file with this text."""
    path = tmp_path / "petstream.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("schema", SAMPLES)
def test_every_option_has_a_sample(schema: type[CommonConfig]) -> None:
    """A new option cannot be forgotten below; the file's own option is tested by itself."""
    assert set(SAMPLES[schema]) | {"config"} == set(options_of(schema))


@pytest.mark.parametrize("style", ["-{} {}", "--{} {}", "-{}={}", "--{}={}"])
@pytest.mark.parametrize(("schema", "name"), EVERY)
def test_every_option_by_flag(schema: type[CommonConfig], name: str, style: str) -> None:
    """One dash or two, a space or an equals sign."""
    text, value = SAMPLES[schema][name]
    arguments = [word.format(name, text) for word in style.split(" ")]
    if len(arguments) == 2:
        arguments = [style.split(" ")[0].format(name), text]
    else:
        arguments = [style.format(name, text)]
    loaded = load_config(schema, arguments, {})
    assert value_of(loaded.config, name) == value
    assert loaded.sources[name] == f"flag {style.partition('{')[0]}{name}"


@pytest.mark.parametrize(("schema", "name"), EVERY)
def test_every_option_by_environment(schema: type[CommonConfig], name: str) -> None:
    """PETSTREAM_ and the name in capitals, dashes as underscores."""
    text, value = SAMPLES[schema][name]
    key = "PETSTREAM_" + name.upper().replace("-", "_")
    loaded = load_config(schema, [], {key: text, "HOME": "/root"})
    assert value_of(loaded.config, name) == value
    assert loaded.sources[name] == f"environment {key}"


@pytest.mark.parametrize("underscores", [False, True])
@pytest.mark.parametrize(("schema", "name"), EVERY)
def test_every_option_by_file(
    tmp_path: Path, schema: type[CommonConfig], name: str, underscores: bool
) -> None:
    """The name as in flags, or with underscores."""
    text, value = SAMPLES[schema][name]
    key = name.replace("-", "_") if underscores else name
    path = toml_file(tmp_path, f'{key} = "{text}"\n')
    loaded = load_config(schema, ["-config", path], {})
    assert value_of(loaded.config, name) == value
    assert loaded.sources[name] == f"file {path}"


@pytest.mark.parametrize(("schema", "name"), EVERY)
def test_without_any_source_there_is_the_default(schema: type[CommonConfig], name: str) -> None:
    """The default goes through the same parser as everything else."""
    loaded = load_config(schema, [], {})
    option = options_of(schema)[name]
    assert value_of(loaded.config, name) == option.parse(option.default)
    assert value_of(loaded.config, name) == value_of(schema(), name)
    assert loaded.sources[name] == "default"


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("shm", "/pet_camera_stream"),
        ("detections", "/pet_camera_detections"),
        ("http", Address("", 8081)),
        ("metrics", Address("127.0.0.1", 9090)),
        ("pprof", Address("127.0.0.1", 6060)),
        ("record-path", Path("recordings")),
        ("max-clients", 10),
        ("stun", ()),
        ("turn", ()),
        ("pre-roll", 0.0),
        ("log-level", "info"),
        ("log-color", "auto"),
    ],
)
def test_defaults_are_the_documented_ones(name: str, default: object) -> None:
    """Those of the server that this one takes over from."""
    assert value_of(Config(), name) == default


def test_flags_beat_environment_beats_file(tmp_path: Path) -> None:
    """Each source wins over those after it, option by option."""
    path = toml_file(tmp_path, 'shm = "/f"\nhttp = ":1"\nmax-clients = 1\n')
    environment = {"PETSTREAM_CONFIG": path, "PETSTREAM_SHM": "/e", "PETSTREAM_HTTP": ":2"}
    loaded = load_config(Config, ["-shm", "/a"], environment)
    assert loaded.config.shm == "/a"
    assert loaded.config.http == Address("", 2)
    assert loaded.config.max_clients == 1
    assert loaded.sources["config"] == "environment PETSTREAM_CONFIG"


def test_the_documented_flag_line_is_read() -> None:
    """The line from the former server's documentation, as it stands there."""
    line = (
        "-shm /pet_camera_stream -http :8081 -metrics :9090 -pprof :6060 "
        "-record-path ./recordings -max-clients 10"
    )
    config = load_config(Config, line.split(), {}).config
    assert config.metrics == Address("", 9090)
    assert config.pprof == Address("", 6060)


def test_file_values_may_have_their_own_type(tmp_path: Path) -> None:
    """Numbers, booleans and lists as TOML writes them."""
    path = toml_file(
        tmp_path,
        "max-clients = 7\npre-roll = 1.5\nhttp = 8090\nlog-color = true\n"
        'stun = ["a:1", "b:2"]\nallowed_host = []\n',
    )
    config = load_config(Config, ["-config", path], {}).config
    assert (config.max_clients, config.pre_roll, config.log_color) == (7, 1.5, "always")
    assert config.http == Address("", 8090)
    assert config.stun == ("stun:a:1", "stun:b:2")


def test_a_repeated_flag_adds_to_a_list_and_replaces_a_value() -> None:
    """As people expect of both."""
    arguments = ["-allowed-host", "a", "-allowed-host", "b,c", "-shm", "/x", "-shm", "/y"]
    config = load_config(Config, arguments, {}).config
    assert config.allowed_host == ("a", "b", "c")
    assert config.shm == "/y"


@pytest.mark.parametrize("arguments", [["-log-color"], ["--log-color", "-shm", "/x"]])
def test_log_color_alone_means_always(arguments: list[str]) -> None:
    """A flag without a value, as a boolean flag is written."""
    assert load_config(Config, arguments, {}).config.log_color == "always"


def test_settings_of_another_command_are_passed_over(tmp_path: Path) -> None:
    """One file and one environment can serve all commands."""
    path = toml_file(tmp_path, 'record-path = "/srv"\nserver = "http://a:1"\n')
    environment = {"PETSTREAM_MAX_CLIENTS": "3"}
    config = load_config(MonitorConfig, ["-config", path], environment).config
    assert config.server == "http://a:1"


BAD_FLAGS = {
    "-nonsense 1": r"^unknown flag '-nonsense'$",
    "-max_clients 1": r"^unknown flag '-max_clients'; did you mean -max-clients\?$",
    "--htp :1": r"^unknown flag '--htp'; did you mean --http\?$",
    "stray": r"^unexpected argument 'stray' on the command line$",
    "-": r"^unexpected argument '-' on the command line$",
    "--": r"^unexpected argument '--' on the command line$",
    "-shm": r"^flag -shm needs a value \(NAME\)$",
    "-shm x": r"^bad value 'x' for shm from flag -shm: must be a slash",
    "-udp-ports 50100-50000": r"^bad value '50100-50000' for udp-ports .*: .* the lower first",
    "-udp-ports 70000-70001": r"^bad value '70000-70001' for udp-ports ",
    "-record-quota 10GB": r"^bad value '10GB' for record-quota .*: must be 0 or a number of bytes",
    "-record-min-free 500": r"^bad value '500' for record-min-free .* such as 500M, 10G or 1.5T$",
    "-max-clients 0": r"^bad value '0' for max-clients from flag -max-clients: .* from 1 to 1000$",
    "-server http://a": r"^unknown flag '-server'",
}


@pytest.mark.parametrize("line", BAD_FLAGS)
def test_a_bad_flag_is_one_line(line: str) -> None:
    """Key, value, source, and what is allowed."""
    with pytest.raises(ConfigError, match=BAD_FLAGS[line]):
        load_config(Config, line.split(), {})


def test_an_unknown_variable_is_an_error() -> None:
    """A typing error in the environment does not go unnoticed."""
    expected = (
        r"^unknown setting PETSTREAM_RECORDPATH='/x' in the environment; "
        r"did you mean PETSTREAM_RECORD_PATH\?$"
    )
    with pytest.raises(ConfigError, match=expected):
        load_config(Config, [], {"PETSTREAM_RECORDPATH": "/x"})


def test_a_bad_variable_is_an_error() -> None:
    """It names the variable."""
    expected = r"^bad value 'loud' for log-level from environment PETSTREAM_LOG_LEVEL: must be one"
    with pytest.raises(ConfigError, match=expected):
        load_config(Config, [], {"PETSTREAM_LOG_LEVEL": "loud"})


BAD_FILES = {
    "shmm = 1": r"unknown setting 'shmm' = 1 in file .*; did you mean shm\?$",
    'config = "x"': r"unknown setting 'config' = 'x' in file ",
    "[serve]\nshm = 1": r"unknown setting 'serve' = \{'shm': 1\} in file ",
    "max-clients = 1.5": r"bad value '1.5' for max-clients from file .*: must be a whole number",
    "max-clients = true": r"bad value 'true' for max-clients from file ",
    "shm = []": r"bad value \[\] for shm from file .*: must be a single value$",
    "stun = [1]": r"bad value \[1\] for stun from file .*: must be a text or a list of texts$",
    "stun = 1979-05-27": r"bad value datetime.date\(1979, 5, 27\) for stun from file ",
    "max-clients = 1\nmax_clients = 2": r"setting max-clients stands twice in file ",
    "shm = ": r"bad value '.*petstream.toml' for config from flag -config: Invalid value",
}


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str) -> None:
    """It names the file, and the key in it."""
    path = toml_file(tmp_path, text)
    with pytest.raises(ConfigError, match=BAD_FILES[text]) as raised:
        load_config(Config, ["-config", path], {})
    assert "\n" not in str(raised.value)


def test_a_bad_file_far_down_is_named_by_its_end(tmp_path: Path) -> None:
    """A long path loses its middle, and not the file's name."""
    folder = tmp_path / ("a" * 60) / ("b" * 60)
    folder.mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"^bad value '/.*\.\.\..*bbb/petstream\.toml' for"):
        load_config(Config, ["-config", toml_file(folder, "shm = ")], {})


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/nothing/here.toml", "No such file or directory"), ("/", "Is a directory")],
)
def test_a_file_that_cannot_be_read_is_one_line(path: str, reason: str) -> None:
    """In the system's words."""
    with pytest.raises(ConfigError, match=f"^bad value '{path}' for config from .*{reason}$"):
        load_config(Config, [], {"PETSTREAM_CONFIG": path})


@pytest.mark.parametrize(
    "source", [["-turn", "secret-password"], ["-turn", "turn:me:secret-password"]]
)
def test_a_password_is_not_in_the_error(source: list[str]) -> None:
    """Standard error ends up in logs."""
    with pytest.raises(ConfigError, match=r"bad value \(hidden\) for turn") as raised:
        load_config(Config, source, {})
    assert "secret" not in str(raised.value)


def test_a_password_is_not_in_the_text_of_the_settings() -> None:
    """Neither in what is printed nor in what is logged."""
    loaded = load_config(Config, ["-turn", "turn:me:secret-password@t.example"], {})
    assert "secret-password" not in repr(loaded.config)
    assert "secret-password" not in settings_as_toml(loaded)


@pytest.mark.parametrize("schema", SAMPLES)
def test_the_printed_settings_can_be_read_again(tmp_path: Path, schema: type[CommonConfig]) -> None:
    """What ``petstream config`` prints is a file with the same meaning."""
    samples = {name: text for name, (text, _) in SAMPLES[schema].items() if name != "turn"}
    environment = {environment_key(name): text for name, text in samples.items()}
    loaded = load_config(schema, [], environment)
    printed = settings_as_toml(loaded)
    assert f"# environment {environment_key('log-level')}" in printed
    assert set(tomllib.loads(printed)) == set(options_of(schema)) - {"config"}
    again = load_config(schema, ["-config", toml_file(tmp_path, printed)], {}).config
    for name in samples:
        assert value_of(again, name) == value_of(loaded.config, name)


@pytest.mark.parametrize("schema", SAMPLES)
def test_the_help_names_every_option(schema: type[CommonConfig]) -> None:
    """With its default."""
    text = help_text(schema, "petstream test", "Tests.")
    for name, option in options_of(schema).items():
        assert f"  -{name} {option.metavar}" in text
        assert option.default in text


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":8081", "", 8081),
        ("8081", "", 8081),
        ("localhost:8081", "localhost", 8081),
        ("0.0.0.0:1", "0.0.0.0", 1),
        ("[::1]:8081", "::1", 8081),
        ("[::]:0", "::", 0),
        (":0", "", 0),
        (":65535", "", 65535),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    """Port alone, host and port, IPv6 in brackets; written back they mean the same."""
    assert values.address(text) == Address(host, port)
    assert values.address(str(Address(host, port))) == Address(host, port)


@pytest.mark.parametrize(
    "text",
    ["", ":", "host", "host:", ":65536", ":-1", ":8o81", "::1", "::1:80", "[::1]", "[x]:1",
     "a b:1", "http://a:1", ":\u0661"],
)  # fmt: skip
def test_bad_addresses(text: str) -> None:
    """All else is refused."""
    with pytest.raises(ValueError, match="must"):
        values.address(text)


@pytest.mark.parametrize("text", ["", "name", "/", "/a/b", "//a", "/.", "/..", "/" + "a" * 255])
def test_bad_segment_names(text: str) -> None:
    """What shm_open(3) would refuse, or what would lead out of /dev/shm."""
    with pytest.raises(ValueError, match="must be a slash"):
        values.shm_name(text)


@pytest.mark.parametrize(
    "text",
    ["*", "null", "example", "https://", "https://*.example", "ftp://a", "https://a/path",
     "https://a?x", "https://me@a", "https://a:99999", "https://[::1"],
)  # fmt: skip
def test_bad_origins(text: str) -> None:
    """A wildcard would let every page on the web start recordings."""
    with pytest.raises(ValueError, match="must be an origin"):
        values.origin(text)


PARSERS: list[Any] = [
    values.address,
    values.clip,
    values.comma_list(ice.stun_server),
    values.comma_list(ice.turn_server),
    values.host_name,
    values.ip_address,
    values.number(0, 60),
    values.one_of("a", "b"),
    values.origin,
    values.path,
    values.server_url,
    values.shm_name,
    values.whole_number(1, 1000),
]


@given(st.sampled_from(PARSERS), st.text(max_size=40))
def test_any_text_is_a_value_or_a_value_error(parse: Any, text: str) -> None:
    """No parser raises anything else."""
    try:
        hash(parse(text))
    except ValueError as error:
        assert "must" in str(error)  # noqa: PT017 - most texts are no value


words = st.sampled_from(["-shm", "--http=:1", "-log-color", "-stun", "-config", "--", "-=", "x"])


@given(st.lists(words | st.text(max_size=10), max_size=6))
def test_any_command_line_is_settings_or_a_config_error(arguments: list[str]) -> None:
    """In one line."""
    try:
        load_config(Config, arguments, {})
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - most lines are no settings


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=8), st.text(max_size=8)))
def test_any_environment_is_settings_or_a_config_error(value: str, others: dict[str, str]) -> None:
    """Variables of other programs never matter."""
    environment = {**others, "PETSTREAM_TURN": value}
    try:
        load_config(Config, [], environment)
    except ConfigError as error:
        assert "turn" in str(error) or "PETSTREAM_" in str(error)  # noqa: PT017
