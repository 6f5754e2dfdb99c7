"""Configuration: one schema for flags, environment, TOML file and help.

Reading order: ``values`` (text to value), ``option`` (how a setting is declared), ``settings``
(the settings), ``loading`` (the sources laid over each other), ``report`` (help and TOML).
"""

from petstream.config.ice import PortRange, TurnServer
from petstream.config.loading import Loaded, load_config
from petstream.config.option import Option, environment_key, options_of
from petstream.config.report import help_text, settings_as_toml
from petstream.config.settings import CommonConfig, Config, DemoConfig, MonitorConfig, WebConfig
from petstream.config.values import Address

__all__ = [
    "Address",
    "CommonConfig",
    "Config",
    "DemoConfig",
    "Loaded",
    "MonitorConfig",
    "Option",
    "PortRange",
    "TurnServer",
    "WebConfig",
    "environment_key",
    "help_text",
    "load_config",
    "options_of",
    "settings_as_toml",
]
