"""The model: defaults, what a repr shows, and that every key is described."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from routerd.config import model
from routerd.config.model import ClientConfig, NodeConfig, ProviderConfig, RouterConfig
from routerd.config.wording import shape_at

DIGEST = "ab" * 32


def test_defaults() -> None:
    config = RouterConfig()
    assert config.version == 1
    assert config.server.max_body == 32 * 2**20
    assert config.server.drain == 600.0
    assert config.server.request_log.retention == 30 * 86400.0
    assert not config.server.allow_anonymous and not config.server.require_token
    assert config.defaults.max_attempts == 3
    assert config.defaults.retry_on == ["408", "429", "5xx", "exhausted", "timeout", "unreachable", "garbled"]
    assert config.defaults.on_loss == "warn"
    assert config.defaults.timeouts == model.Timeouts(connect=5.0, first_token=180.0, idle=180.0, total=900.0)
    health = model.Health(check=True, interval=60.0, timeout=5.0, failure_threshold=3, cooldown=30.0)
    assert config.defaults.health == health
    assert (config.providers, config.routes, config.clients, config.admins) == ({}, {}, None, {})


def test_no_repr_shows_a_secret() -> None:
    canary = "sk-canary"
    provider = ProviderConfig(
        api_key=canary, headers={"authorization": canary}, proxy=f"http://me:{canary}@proxy.example.org"
    )
    client = ClientConfig(key_sha256=DIGEST)
    config = RouterConfig(providers={"a": provider}, clients={"b": client})
    assert canary not in repr(config) and canary not in str(config)
    assert DIGEST not in repr(config)
    with pytest.raises(ValidationError) as caught:
        RouterConfig.model_validate({"providers": {"a": {"api_key": [canary], canary: 1}}})
    assert canary not in str(caught.value.errors(include_input=False)[0])


def shapes() -> list[type[BaseModel]]:
    found = [kind for kind in vars(model).values() if isinstance(kind, type) and issubclass(kind, model.Shape)]
    return [kind for kind in found if kind is not model.Shape]


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.__name__)
def test_every_key_is_described(shape: type[model.Shape]) -> None:
    assert shape.__doc__ and shape.NOUN
    for name, field in shape.model_fields.items():
        assert field.description and field.description.endswith("."), name


def test_partial_ones_have_the_same_keys_and_say_nothing() -> None:
    for whole, partial in ((model.Timeouts, model.PartialTimeouts), (model.Health, model.PartialHealth)):
        assert list(whole.model_fields) == list(partial.model_fields)
        assert set(partial().model_dump().values()) == {None}
        for field in partial.model_fields.values():
            assert type(None) in get_args(field.annotation)


@pytest.mark.parametrize("written", ["openai/gpt-5.2", "openai/org/model:free"])
def test_a_node_splits_at_the_first_slash(written: str) -> None:
    node = NodeConfig.model_validate(written)
    assert f"{node.provider}/{node.models[0]}" == written
    assert node.provider == "openai"


def test_numbers_stand_for_words_where_words_are_meant() -> None:
    assert model.Defaults.model_validate({"retry_on": [429, "408"]}).retry_on == ["429", "408"]
    assert model.Echo.model_validate({"fail": "500"}).fail == 500


def test_shapes_are_found_by_their_place() -> None:
    assert shape_at(()) is RouterConfig
    assert shape_at(("providers", "a", "timeouts")) is model.PartialTimeouts
    assert shape_at(("routes", "a", "nodes", 3)) is NodeConfig
    assert shape_at(("clients", "a")) is ClientConfig
    assert shape_at(("providers",)) is None
    assert shape_at(("providers", "a", "metadata")) is None
    assert shape_at(("nowhere", "at", "all")) is None


def test_the_model_does_without_yaml() -> None:
    script = "import sys, routerd.config.model; print('yaml' in sys.modules, 'watchfiles' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
