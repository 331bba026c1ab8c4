"""The fields of a config class, read one at a time, so that each mistake has its own place."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from orchestrator.document.validation_errors import Finding, findings
from trainables.config import Integer
from trainables.trial import JSON

SEED = "seed"
"""Not a field of any config class, but written among them; it is lifted out into the trial's spec."""

_SEED = TypeAdapter(Annotated[Integer, Field(ge=0, lt=2**63)])


@dataclass(frozen=True)
class Fields:
    """A config class, as what may stand in `config` and `grid`."""

    config_class: type[BaseModel]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return (*self.config_class.model_fields, SEED)

    @cached_property
    def defaults(self) -> dict[str, JSON]:
        """The defaults as JSON values, the seed's included; fields that must be given have none."""
        return {
            **{
                name: self._adapters[name].dump_python(info.get_default(call_default_factory=True), mode="json")
                for name, info in self.config_class.model_fields.items()
                if not info.is_required()
            },
            SEED: 0,
        }

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.defaults)

    @cached_property
    def _adapters(self) -> dict[str, TypeAdapter[Any]]:
        return _adapters(self.config_class)

    def read(self, name: str, value: JSON) -> tuple[JSON, list[Finding]]:
        """Return a field's value as its type has it (1 and 1.0 are one number), or what is wrong with it."""
        adapter = self._adapters[name]
        try:
            read = adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            info = self.config_class.model_fields.get(name)
            return None, findings(error, value, info.annotation if info else int, kind=name)
        return adapter.dump_python(read, mode="json"), []

    def build(self, values: Mapping[str, JSON], unknown: Collection[str] = ()) -> BaseModel:
        """Return a config of all these values but the seed.

        `unknown` names fields whose values are not known yet: they keep their defaults, or None.

        Raises: ValidationError.
        """
        config_class, known = self._known(values, unknown)
        return config_class.model_validate_json(json.dumps(known), strict=True)

    def construct(self, values: Mapping[str, JSON], unknown: Collection[str] = ()) -> BaseModel:
        """Return the same without asking whether the values fit together."""
        config_class, known = self._known(values, unknown)
        return config_class.model_construct(**known)

    def _known(self, values: Mapping[str, JSON], unknown: Collection[str]) -> tuple[type[BaseModel], dict[str, JSON]]:
        known = {name: value for name, value in values.items() if name not in unknown and name != SEED}
        return _without(self.config_class, frozenset(unknown).intersection(self.required)), known


@cache
def _without(config_class: type[BaseModel], unknown: frozenset[str]) -> type[BaseModel]:
    """Return the class with these required fields made optional."""
    if not unknown:
        return config_class
    optional: dict[str, Any] = dict.fromkeys(unknown, (Any, None))
    return create_model(config_class.__name__, __base__=config_class, **optional)


@cache
def _adapters(config_class: type[BaseModel]) -> dict[str, TypeAdapter[Any]]:
    """Return what reads each field; made once, as making it takes longer than planning."""
    return {SEED: _SEED, **{name: _adapter(info) for name, info in config_class.model_fields.items()}}


def _adapter(info: FieldInfo) -> TypeAdapter[Any]:
    annotated: Any = Annotated
    annotation: Any = info.annotation
    return TypeAdapter(annotated[(annotation, *info.metadata)] if info.metadata else annotation)


def plain_number(value: JSON) -> JSON:
    """Return a number as people write it: 1 for 1.0. Everything else stays as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
