"""The filesystem: directories are what keys with slashes make them."""

from __future__ import annotations

import weakref
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar

import anyio
from fsspec.asyn import AsyncFileSystem, sync, sync_wrapper
from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.exceptions import FSTimeoutError
from fsspec.utils import stringify_path

from omnicloud import OmniCloud
from omnicloud.contracts.objects import Listed, Objects
from omnicloud.contracts.objects.driver import GetRange
from omnicloud.errors import ObjectNotFoundError
from omnicloud_fsspec.clouds import Clouds, Config
from omnicloud_fsspec.errors import translated
from omnicloud_fsspec.files import OmniFile, OmniStreamedFile
from omnicloud_fsspec.paths import inside, joined, split
from omnicloud_fsspec.uploads import Upload

__all__ = ["OmniFileSystem"]

Info = dict[str, Any]
"""What fsspec knows of a path."""

_CLOSE_SECONDS = 5.0


class OmniFileSystem(AsyncFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Objects of the services of a configuration, by ``omni://service/key``.

    Args:
        config: A file's path or a mapping; by default ``omnicloud.toml`` and the environment.
        cloud: An open cloud of the running loop, for ``asynchronous=True``; it is not closed.
        tenant: Whose objects.
        asynchronous: As fsspec says.
        loop: As fsspec says.
    """

    protocol: ClassVar[str] = "omni"
    root_marker: ClassVar[str] = ""
    cachable: ClassVar[bool] = True

    def __init__(
        self,
        config: Config = None,
        *,
        cloud: OmniCloud | None = None,
        tenant: str | None = None,
        asynchronous: bool = False,
        loop: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(asynchronous=asynchronous, loop=loop, **options)
        self._clouds = Clouds(config, cloud, tenant)
        if not asynchronous:
            weakref.finalize(self, _close, self.loop, self._clouds)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        text = stringify_path(path)
        return text.removeprefix("omni://").removeprefix("omni::").strip("/")

    async def aclose(self) -> None:
        """Close the cloud that was opened for this filesystem. It opens another when used."""
        await self._clouds.aclose()

    close = sync_wrapper(aclose)

    # Looking

    async def _info(self, path: str, **_: Any) -> Info:
        path = self._strip_protocol(path)
        service, key = split(path)
        if not key:
            if service and service not in await self._clouds.services():
                await self._clouds.objects(service)
            return _directory(path)
        with translated(path):
            objects = await self._clouds.objects(service)
            with suppress(ObjectNotFoundError):
                return await self._file(objects, service, key)
            async for _line in objects.list(inside(key), page_size=1):
                return _directory(path)
        raise FileNotFoundError(path)

    async def _file(self, objects: Objects, service: str, key: str) -> Info:
        info = await objects.stat(key)
        return {
            **_line(service, Listed(key, info.size_bytes, info.version, info.modified)),
            "content_type": info.content_type,
            "metadata": dict(info.metadata),
            "checksum": info.checksum,
        }

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        path = self._strip_protocol(path)
        service, key = split(path)
        if not service:
            found = [_directory(name) for name in await self._clouds.services()]
        else:
            found = await self._inside(service, key)
            if not found and key:
                found = [await self._info(path)]
                found = [one for one in found if one["type"] == "file"]
        return found if detail else [one["name"] for one in found]

    async def _inside(self, service: str, key: str) -> list[Info]:
        prefix = inside(key)
        with translated(joined(service, key)):
            objects = await self._clouds.objects(service)
            lines = [line async for line in objects.list(prefix, delimiter="/")]
        return [_line(service, line) for line in lines if line.key.strip("/") != key]

    async def _find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, **options: Any
    ) -> Any:
        path = self._strip_protocol(path)
        service, key = split(path)
        if maxdepth is not None or withdirs or not service:
            return await super()._find(path, maxdepth=maxdepth, withdirs=withdirs, **options)
        prefix = inside(key) + options.get("prefix", "")
        with translated(path):
            objects = await self._clouds.objects(service)
            lines = [line async for line in objects.list(prefix)]
        found = {one["name"]: one for one in (_line(service, line) for line in lines)}
        if not found and await self._isfile(path):
            found = {path: await self._info(path)}
        return found if options.get("detail") else sorted(found)

    # Reading

    async def _cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        path = self._strip_protocol(path)
        if (start or 0) < 0 or (end or 0) < 0:
            size = (await self._info(path))["size"]
            start, end = (_from_start(place, size) for place in (start, end))
        with translated(path):
            objects, key = await self._at(path)
            begin = start or 0
            stop = end if end is None else max(begin, end)
            return await objects.download(key, start=begin, end=stop)

    async def ranged(self, path: str, start: int, end: int, version: str) -> bytes:
        """Bytes of one version.

        Raises:
            OSError: ``ESTALE``: the object has another version by now.
        """
        with translated(path):
            objects, key = await self._at(path)
            chunk = await objects.pipeline.send(GetRange(key, start, max(start, end), version))
            if chunk is None:
                raise ObjectNotFoundError(f"there is no object {key!r} any more")
            return chunk.data

    async def _get_file(
        self, rpath: str, lpath: Any, callback: Callback = DEFAULT_CALLBACK, **_: Any
    ) -> None:
        rpath = self._strip_protocol(rpath)
        if await self._isdir(rpath):
            await anyio.Path(lpath).mkdir(parents=True, exist_ok=True)
            return
        with translated(rpath):
            objects, key = await self._at(rpath)
            async with objects.open(key) as reader:
                callback.set_size(reader.info.size_bytes)
                await anyio.Path(lpath).parent.mkdir(parents=True, exist_ok=True)
                async with await anyio.open_file(lpath, "wb") as file:
                    async for piece in reader:
                        await file.write(piece)
                        callback.relative_update(len(piece))

    # Writing

    async def _pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        path = self._strip_protocol(path)
        with translated(path):
            objects, key = await self._at(path)
            await objects.upload(key, value, if_absent=mode == "create")

    async def _put_file(
        self,
        lpath: Any,
        rpath: str,
        callback: Callback = DEFAULT_CALLBACK,
        mode: str = "overwrite",
        **_: Any,
    ) -> None:
        local = anyio.Path(lpath)
        if await local.is_dir():
            return  # a directory is there when something is in it
        rpath = self._strip_protocol(rpath)
        callback.set_size((await local.stat()).st_size)
        with translated(rpath):
            objects, key = await self._at(rpath)
            async with await anyio.open_file(lpath, "rb") as file:
                await objects.upload(
                    key, file, if_absent=mode == "create", progress=callback.absolute_update
                )

    async def _cp_file(self, path1: str, path2: str, **_: Any) -> None:
        source, target = self._strip_protocol(path1), self._strip_protocol(path2)
        if await self._isdir(source):
            return
        with translated(source):
            here, key = await self._at(source)
            there, copy = await self._at(target)
            if split(source)[0] == split(target)[0]:
                await here.copy(key, copy)
                return
            async with here.open(key) as reader:
                kind, metadata = reader.info.content_type, reader.info.metadata
                await there.upload(copy, aiter(reader), content_type=kind, metadata=metadata)

    async def _rm_file(self, path: str, **_: Any) -> None:
        path = self._strip_protocol(path)
        if not await self._isfile(path):
            raise FileNotFoundError(path)
        with translated(path):
            objects, key = await self._at(path)
            await objects.delete(key)

    async def _rm(
        self, path: Any, recursive: bool = False, maxdepth: int | None = None, **_: Any
    ) -> None:
        paths = await self._expand_path(path, recursive=recursive, maxdepth=maxdepth)
        keys: defaultdict[str, list[str]] = defaultdict(list)
        for one in paths:
            service, key = split(one)
            keys[service] += [key, inside(key)] if key else []
        for service, some in keys.items():
            with translated(service):
                await (await self._clouds.objects(service)).delete_many(some)

    async def _mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Nothing: a directory is there when something is in it."""

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Nothing: a directory is there when something is in it."""

    async def _rmdir(self, path: str) -> None:
        """Nothing, where the directory is empty, and so not there."""
        if await self._ls(path, detail=False):
            raise OSError(f"{path} is not empty")

    # Files

    def _open(self, path: str, mode: str = "rb", **options: Any) -> OmniFile:
        if mode == "xb" and self.exists(path):
            raise FileExistsError(path)
        options.pop("cache_options", None) if options.get("cache_options") is None else None
        return OmniFile(self, path, mode, **options)

    async def open_async(self, path: str, mode: str = "rb", **options: Any) -> OmniStreamedFile:
        """A file for ``async with``: ``"rb"`` or ``"wb"``."""
        path = self._strip_protocol(path)
        if mode == "rb":
            info = await self._info(path)
            file = OmniStreamedFile(self, path, mode, size=info["size"], **options)
            file.details = info
            return file
        return OmniStreamedFile(self, path, mode, **options)

    async def begun(self, path: str, mode: str) -> Upload:
        """Begin to write a file; ``"ab"`` begins with what is there."""
        with translated(path):
            objects, key = await self._at(path)
            upload = Upload(objects, key, absent=mode == "xb")
            if mode == "ab" and await objects.exists(key):
                async for piece in objects.stream(key):
                    await upload.send(piece)
            return upload

    async def sent(self, path: str, upload: Upload, data: bytes) -> None:
        """Write the next piece."""
        with translated(path):
            await upload.send(data)

    async def ended(self, path: str, upload: Upload) -> None:
        """Make what was written visible."""
        with translated(path):
            await upload.end()

    # More

    def ukey(self, path: str) -> str:
        """The version of an object: another one after every write."""
        return str(self.info(path).get("version", ""))

    def modified(self, path: str) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(self.info(path)["mtime"], UTC)

    created = modified

    async def _sign(self, path: str, expiration: float = 100.0, **_: Any) -> str:
        """A URL that reads an object for a time; the provider must declare ``presign``."""
        path = self._strip_protocol(path)
        with translated(path):
            objects, key = await self._at(path)
            return await objects.presign("GET", key, expires_in=expiration)

    sign = sync_wrapper(_sign)

    async def _at(self, path: str) -> tuple[Objects, str]:
        service, key = split(path)
        if not service or not key:
            raise ObjectNotFoundError(f"{path!r} names no object: write omni://service/key")
        return await self._clouds.objects(service), key


def _line(service: str, line: Listed) -> Info:
    if line.is_prefix:
        return _directory(joined(service, line.key.rstrip("/")))
    return {
        "name": joined(service, line.key),
        "size": line.size_bytes,
        "type": "file",
        "version": line.version,
        "mtime": line.modified,
    }


def _directory(path: str) -> Info:
    return {"name": path, "size": 0, "type": "directory"}


def _from_start(place: int | None, size: int) -> int | None:
    return max(0, size + place) if place is not None and place < 0 else place


def _close(loop: Any, clouds: Clouds) -> None:
    """At the end of a filesystem, or of the program, while the loop is still there."""
    if loop is not None and loop.is_running():
        with suppress(FSTimeoutError, RuntimeError):
            sync(loop, clouds.aclose, timeout=_CLOSE_SECONDS)
