"""An action's declared config: what the checker reads, what the action gets, what editors see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from flows.language.catalogue import ActionSpec, Alias, Catalogue, Duration, option
from flows.language.check import load_flow
from flows.language.config import ConfigProblem, build, fields_of
from flows.language.expressions import Expression, MappingScope
from flows.language.files import GivenFiles
from flows.language.schema import json_schema
from testmesh.guard.yaml import parse, plain
from tests.flow_language.actions_of_flows_md import CATALOGUE, ConsumeConfig, HttpConfig, RedisConfig

HERE = Path(__file__).parent


def test_rendered_settings_become_the_typed_config() -> None:
    config = build(HttpConfig, {"url": "http://x", "timeout": "500ms", "method": "post", "auth": {"bearer": "t"}})
    assert (config.url, config.timeout, config.method, config.follow_redirects) == ("http://x", 0.5, "POST", False)
    assert config.auth is not None
    assert config.auth.bearer == "t"


def test_templates_may_give_numbers_where_text_is_meant_and_the_reverse() -> None:
    config = build(RedisConfig, {"key": 5, "port": "6379"})
    assert (config.key, config.port) == ("5", 6379)
    assert build(RedisConfig, {"port": Decimal("6379")}).port == 6379


@pytest.mark.parametrize(
    ("rendered", "key"),
    [
        ({"url": {"a": 1}}, "url"),
        ({"method": "FETCH"}, "method"),
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": 5}, "timeout"),
        ({"follow_redirects": "maybe"}, "follow_redirects"),
        ({"headers": ["x"]}, "headers"),
        ({"auth": {"basic": {"username": "u"}}}, "auth.basic.password"),
        ({"auth": "x"}, "auth"),
    ],
)
def test_a_rendered_value_that_does_not_fit_names_its_key(rendered: Mapping[str, object], key: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        build(HttpConfig, rendered)
    assert caught.value.key == key


def test_expression_fields_come_out_compiled_and_aliases_under_their_own_name() -> None:
    text = (
        "flow:\n  name: n\n  steps:\n    - id: a\n      action: kafka.consume\n"
        "      config: {topic: '${T:t}', filter: value.n == 1, from: end}\n"
    )
    flow = load_flow(text, "x.yaml", CATALOGUE, GivenFiles()).flow
    assert flow is not None
    (step,) = flow.steps
    assert (step.action, step.written_action, step.reads) == ("kafka_consumer", "kafka.consume", True)
    assert step.source == {"topic": "${T:t}", "match": "value.n == 1", "from": "end"}
    config = build(ConsumeConfig, step.config.render(MappingScope({})))
    assert (config.topic, config.from_, config.count, config.timeout) == ("t", "end", 1, 10.0)
    assert isinstance(config.match, Expression)
    assert config.match.condition(MappingScope({"value": {"n": 1}}))


def test_an_alias_may_set_config_by_its_name_alone() -> None:
    text = "flow:\n  name: n\n  steps:\n    - {id: a, action: redis.set, config: {key: k, value: 1}, assert: [ok]}\n"
    flow = load_flow(text, "x.yaml", CATALOGUE, GivenFiles()).flow
    assert flow is not None
    assert flow.steps[0].source == {"command": "SET", "key": "k", "value": 1}
    assert not flow.steps[0].reads


@dataclass(frozen=True, slots=True)
class Strange:
    when: complex | None = option(None, "Not a kind.")


@dataclass(frozen=True, slots=True)
class Undeclared:
    when: str = "x"


@pytest.mark.parametrize("config", [Strange, Undeclared])
def test_a_config_the_language_cannot_read_is_a_bug_of_the_action(config: type) -> None:
    with pytest.raises(TypeError):
        fields_of(config)


def test_two_actions_may_not_share_a_name() -> None:
    with pytest.raises(ValueError, match="twice"):
        Catalogue([ActionSpec("a", "", HttpConfig), ActionSpec("b", "", HttpConfig, aliases=(Alias("a"),))])


def test_every_config_key_has_a_sentence() -> None:
    for spec in CATALOGUE.specs:
        for field in fields_of(spec.config).values():
            assert field.option.doc.endswith("."), f"{spec.name}.{field.key}"


def test_the_schema_is_one_and_accepts_what_the_checker_accepts() -> None:
    schema = json_schema(CATALOGUE)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for name in ("example_of_flows_md.yaml", "everything.yaml"):
        text = (HERE / name).read_text()
        assert load_flow(text, name, CATALOGUE, GivenFiles()).findings == ()
        assert [error.message for error in validator.iter_errors(plain(parse(text, name)))] == []


@pytest.mark.parametrize(
    "name",
    [
        "root_unknown_key",
        "root_missing_name",
        "steps_empty",
        "step_unknown_key",
        "step_missing_id",
        "unknown_action",
        "config_unknown_key",
        "config_bad_duration",
        "config_nested_unknown",
        "retry_backoff",
    ],
)
def test_the_schema_refuses_what_editors_can_see(name: str) -> None:
    document = plain(parse((HERE / "mistakes" / f"{name}.yaml").read_text(), name))
    assert not Draft202012Validator(json_schema(CATALOGUE)).is_valid(document)


def test_durations_are_seconds() -> None:
    @dataclass(frozen=True, slots=True)
    class Pause:
        duration: Duration = option(doc="How long.")

    for text, seconds in (("1ms", 0.001), ("10s", 10), ("2m", 120), ("1h", 3600)):
        assert build(Pause, {"duration": text}).duration == seconds
