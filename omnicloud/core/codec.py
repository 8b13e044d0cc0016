"""Values as bytes: text, bytes, or any type that msgspec or pydantic can encode."""

from __future__ import annotations

import sys
from typing import Any, Generic, Protocol, TypeVar, cast

from omnicloud.errors import CorruptedError, InvalidArgumentError

__all__ = ["BYTES", "TEXT", "BytesCodec", "Codec", "TextCodec", "codec_for", "encoded_payload"]

T = TypeVar("T")


class Codec(Protocol[T]):
    """Encodes a user's values and decodes what is stored."""

    def encode(self, value: T) -> bytes:
        """The bytes to store.

        Raises:
            InvalidArgumentError: The value is not of the type.
        """

    def decode(self, data: bytes) -> T:
        """The value.

        Raises:
            CorruptedError: The bytes are not of the type.
        """


class TextCodec:
    """Text as UTF-8."""

    def encode(self, value: str) -> bytes:
        if not isinstance(value, str):
            raise InvalidArgumentError(
                f"the value must be str, not {type(value).__name__}",
                hint="open the service with the type you store, e.g. cloud.kv(name, dict)",
            )
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise InvalidArgumentError(
                "the value holds a lone surrogate, which UTF-8 cannot carry",
                hint="store it as bytes",
            ) from None

    def decode(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise CorruptedError(
                "the stored value is not UTF-8 text", hint="open the service with type bytes"
            ) from None


class BytesCodec:
    """Bytes as they are."""

    def encode(self, value: bytes) -> bytes:
        if isinstance(value, bytes):
            return value
        if isinstance(value, bytearray | memoryview):
            return bytes(value)
        raise _no_bytes("value", value)

    def decode(self, data: bytes) -> bytes:
        return data


def encoded_payload(payload: bytes) -> bytes:
    """The payload of a message or an event, as bytes that nobody changes any more.

    Raises:
        InvalidArgumentError: It is no bytes.
    """
    if isinstance(payload, bytes | bytearray | memoryview):
        return bytes(payload)
    raise _no_bytes("payload", payload)


def _no_bytes(what: str, value: object) -> InvalidArgumentError:
    hint = "encode text first: text.encode()" if isinstance(value, str) else None
    return InvalidArgumentError(f"the {what} must be bytes, not {type(value).__name__}", hint=hint)


TEXT = TextCodec()
BYTES = BytesCodec()


class _Msgspec(Generic[T]):
    def __init__(self, kind: type[T], msgspec: Any) -> None:
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(kind)
        self._kind = kind

    def encode(self, value: T) -> bytes:
        if not isinstance(value, self._kind):
            raise _wrong_type(value, self._kind)
        return cast("bytes", self._encoder.encode(value))

    def decode(self, data: bytes) -> T:
        try:
            return cast("T", self._decoder.decode(data))
        except ValueError:
            raise _not_of(self._kind) from None


class _Pydantic(Generic[T]):
    def __init__(self, kind: type[T]) -> None:
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticSchemaGenerationError

        try:
            self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        except PydanticSchemaGenerationError:
            raise InvalidArgumentError(
                f"{_named(kind)} is no type that can be written as JSON",
                hint="give str, bytes, dict, a dataclass or a pydantic model",
            ) from None
        self._kind = kind

    def encode(self, value: T) -> bytes:
        from pydantic_core import PydanticSerializationError, ValidationError

        try:
            return self._adapter.dump_json(self._adapter.validate_python(value, strict=True))
        except (ValidationError, PydanticSerializationError):
            raise _wrong_type(value, self._kind) from None

    def decode(self, data: bytes) -> T:
        from pydantic_core import ValidationError

        try:
            return self._adapter.validate_json(data)
        except ValidationError:
            raise _not_of(self._kind) from None


def _wrong_type(value: object, kind: object) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the value is a {type(value).__name__} that cannot be stored as {_named(kind)}"
    )


def _not_of(kind: object) -> CorruptedError:
    return CorruptedError(
        f"the stored value is not a {_named(kind)}",
        hint="it was written by another version or another type",
    )


def _named(kind: object) -> str:
    return getattr(kind, "__name__", str(kind))


def codec_for(kind: type[T]) -> Codec[T]:
    """The codec for a type: ``str`` and ``bytes`` as they are, all else as JSON.

    A ``msgspec.Struct`` goes through msgspec, every other type through pydantic. A codec's
    errors name types, never values.
    """
    if isinstance(kind, str):
        raise InvalidArgumentError(
            f"the type of the values is given as text, {kind!r}", hint="give the type itself"
        )
    if kind is str:
        return cast("Codec[T]", TEXT)
    if kind is bytes:
        return cast("Codec[T]", BYTES)
    msgspec = sys.modules.get("msgspec")
    if msgspec is not None and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _Msgspec(kind, msgspec)
    return _Pydantic(kind)
