"""Constructor arguments, recorded by the base class: a model file holds them, and a class built with them is equal.

The record says what the model is and nothing about how it was called: it has the order of the signature, defaults
included. Sequences become lists, as JSON returns them, and networks among the arguments are left out, because a file
describes each network by itself.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

Constructor = Callable[..., None]


class RecordsArguments:
    """Base of classes whose objects know the arguments they were built with.

    The outermost constructor records: that of the object's own class, or the one it inherits.

    Attributes:
        arguments: the constructor's arguments by name; ``type(x)(**x.arguments)`` is an equal object. A constructor
            that replaces None by a value may store that value here.
    """

    arguments: dict[str, Any]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "__init__" in vars(cls):
            cls.__init__ = _recording(cls.__init__)  # type: ignore[method-assign]  # the same call, observed


def _recording(constructor: Constructor) -> Constructor:
    """The constructor, which first stores its arguments if it is the outermost one."""
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def recorded(self: RecordsArguments, *positional: Any, **named: Any) -> None:
        if type(self).__init__ is recorded:
            try:
                bound = signature.bind(self, *positional, **named)
            except TypeError:
                constructor(self, *positional, **named)  # raises an error that also names the class
                raise
            self.arguments = _recordable(bound)
        constructor(self, *positional, **named)

    return recorded


def _recordable(bound: inspect.BoundArguments) -> dict[str, Any]:
    """All arguments but `self` and networks; containers are copied."""
    bound.apply_defaults()
    _, *parameters = bound.signature.parameters.values()
    arguments: dict[str, Any] = {}
    for parameter in parameters:
        value = bound.arguments[parameter.name]
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(value)
        elif not isinstance(value, nn.Module):
            arguments[parameter.name] = _copied(value)
    return arguments


def _copied(value: Any) -> Any:  # noqa: ANN401  whatever an argument is
    """A container as JSON returns it, however deep; anything else as it is."""
    if isinstance(value, Mapping):
        copied = {}
        for key, each in value.items():
            copied[key] = _copied(each)
        return copied
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(map(_copied, value))
    return value
