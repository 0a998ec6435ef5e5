"""Configuration as Python reads it: environment libraries, settings objects, configuration files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import Config, Value
from scanners.idioms.code import CallSite, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    from scanners.idioms.python import PyCode

    Reader = Callable[[PyCode, Node | None, Scope, int], Value]

ENV_CALLS = ("os.getenv", "os.environ.get", "environ.get", "os.environ.setdefault", "decouple.config", "os.getenvb")
_OBJECTS: tuple[str, ...] = (
    "environs.Env",
    "environ.Env",
    "environ.FileAwareEnv",
    "starlette.config.Config",
    "decouple.Config",
)
_OBJECTS += ("decouple.AutoConfig", "flask_env.MetaFlaskEnv", "environs.FileAwareEnv")
_CASTS: tuple[str, ...] = (
    "str",
    "int",
    "bool",
    "float",
    "decimal",
    "list",
    "tuple",
    "dict",
    "json",
    "datetime",
    "date",
    "timedelta",
)
_CASTS += ("url", "uuid", "path", "enum", "log_level", "db", "db_url", "cache", "cache_url", "email_url", "bytes")
_CASTS += ("search_url", "get_value")
_PARSERS = (
    "configparser.ConfigParser",
    "configparser.RawConfigParser",
    "configparser.SafeConfigParser",
    "ConfigParser",
)
_GETS = ("get", "getint", "getboolean", "getfloat")
_LOADS: tuple[str, ...] = (
    "yaml.safe_load",
    "yaml.load",
    "yaml.full_load",
    "toml.load",
    "tomllib.load",
    "tomli.load",
    "tomllib.loads",
)
_LOADS += ("anyconfig.load", "omegaconf.OmegaConf.load", "dotenv.dotenv_values", "yaml.unsafe_load")
_DYNAMIC = ("dynaconf.Dynaconf", "dynaconf.LazySettings")
SETTINGS = ("django.conf.settings", "flask.current_app.config", "dynaconf.settings", "quart.current_app.config")
_STEPS = 8


def env_object(code: PyCode, site: CallSite) -> bool:
    """Whether a call reads a variable through an environment library: ``env("X")``, ``env.str("X")``.

    Args:
        code: the file.
        site: the call.
    """
    if not site.args or not site.dotted:
        return False
    if site.receiver is None:
        return code.type_of(site.dotted, site.scope) in _OBJECTS or code.origin(site.dotted) in ("decouple.config",)
    return site.method in _CASTS and code.made_by(site.receiver, site.scope) in _OBJECTS


def config_call(code: PyCode, site: CallSite, scope: Scope, about: tuple[Reader, int]) -> Value | None:
    """The Value of a call that reads configuration; None for any other call.

    Args:
        code: the file.
        site: the call.
        scope: where it is.
        about: reads the arguments, at this depth.
    """
    read, depth = about
    if site.method == "getattr" and site.receiver is None and len(site.args) > 1:
        key = code.string(site.args[1])
        if key and code.origin(code.dotted(site.args[0])) in SETTINGS:
            return Config(key, read(code, site.args[2], scope, depth) if len(site.args) > 2 else None)
        return None
    if site.receiver is None or site.method not in _GETS or not site.args:
        return None
    if code.made_by(site.receiver, scope) in _PARSERS and len(site.args) > 1:
        section, key = code.string(site.args[0]), code.string(site.args[1])
        given = site.arg(-1, "fallback")
        default = read(code, given, scope, depth) if given is not None else None
        return Config(f"{section}.{key}", default) if section and key else None
    key = code.string(site.args[0])
    prefix = settings_key(code, site.receiver, scope)
    if prefix is None or not key or site.method != "get":
        return None
    default = read(code, site.args[1], scope, depth) if len(site.args) > 1 else None
    return Config(f"{prefix}.{key}" if prefix else key, default)


def config_item(code: PyCode, node: Node, scope: Scope) -> Value | None:
    """The Value of an attribute or item of a settings object; None for anything else.

    Args:
        code: the file.
        node: attribute or subscript.
        scope: where it is.
    """
    key = settings_key(code, node, scope)
    return Config(key) if key else None


def settings_key(code: PyCode, node: Node, scope: Scope) -> str | None:
    """The key below a settings object an expression stands for, empty for the object itself, None for anything else.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    keys: list[str] = []
    current: Node | None = node
    for _ in range(_STEPS):
        if current is None:
            return None
        if _is_settings(code, current, scope):
            return ".".join(reversed(keys))
        if current.type == "attribute":
            keys.append(code.text(current.child_by_field_name("attribute")))
            current = current.child_by_field_name("object")
        elif current.type == "subscript":
            key = code.string(current.child_by_field_name("subscript"))
            if not key:
                return None
            keys.append(key)
            current = current.child_by_field_name("value")
        else:
            return None
    return None


def _is_settings(code: PyCode, node: Node, scope: Scope) -> bool:
    dotted = code.dotted(node)
    if dotted and code.origin(dotted) in SETTINGS:
        return True
    made_by = code.type_of(dotted, scope) if dotted else ""
    return made_by in _DYNAMIC or made_by in _LOADS or made_by in _PARSERS
