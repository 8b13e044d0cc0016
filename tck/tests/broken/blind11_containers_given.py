"""containers drivers that expand what they are given: one that lived, and its kin."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from broken.blind11_containers import containers
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import Container, ContainerSpec, ExecResult
from omnicloud.memory.containers import MemoryContainers


def _kubernetes(text: str, spec: ContainerSpec) -> str:
    return re.sub(r"\$\((\w+)\)", lambda found: spec.env.get(found[1], found[0]), text)


class Expanding(MemoryContainers):
    """Changes a spec before it is run."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        raise NotImplementedError

    async def run(self, op: ops.Run, /) -> Container:
        return await super().run(replace(op, spec=self.changed(op.spec)))


@containers("03", "T1", "$(NAME) in an argument becomes the variable of the environment")
class ExpandsArguments(Expanding):
    """As in the command and args of a pod."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        return replace(spec, command=tuple(_kubernetes(word, spec) for word in spec.command))


@containers("03a", "T1", "$(NAME) in a variable becomes one that was given before it")
class ExpandsVariables(Expanding):
    """As in the env of a pod."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        env: dict[str, str] = {}
        for name, value in spec.env.items():
            env[name] = _kubernetes(value, replace(spec, env=env))
        return replace(spec, env=env)


@containers("03b", "T1", "%% in an argument becomes %, as in a unit's file")
class UnitSpecifiers(Expanding):
    """Writes the command into ExecStart= without escaping."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        command = tuple(word.replace("%%", "%") for word in spec.command)
        return replace(spec, command=command)


@containers("03h", "T1", "a backslash in an argument of a further command begins an escape")
class Unescapes(MemoryContainers):
    """Reads the command as one quoted line."""

    async def exec(self, op: ops.Exec, /) -> ExecResult:
        command = tuple(re.sub(r"\\x(\w\w)", _byte, word) for word in op.command)
        return await super().exec(replace(op, command=command))


def _byte(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


@containers("03i", "T1", "an argument that is ~ alone or begins with ~/ becomes the home")
class ExpandsHomes(Expanding):
    """os.path.expanduser() on each."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        return replace(spec, command=tuple(map(os.path.expanduser, spec.command)))


@containers("03c", "T1", "{{NAME}} in a label becomes the variable of the environment")
class TemplatedLabels(Expanding):
    """Renders the whole definition as a template."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        def value(found: re.Match[str]) -> str:
            return spec.env.get(found[1], found[0])

        labels = {key: re.sub(r"{{(\w+)}}", value, text) for key, text in spec.labels.items()}
        return replace(spec, labels=labels)


@containers("03d", "T1", "variables in a working directory become those of the environment")
class ExpandsWorkingDir(Expanding):
    """As WORKDIR of a recipe."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        def value(found: re.Match[str]) -> str:
            return spec.env.get(found[1], "")

        place = re.sub(r"\$\{(\w+)\}", value, spec.working_dir or "/")
        return replace(spec, working_dir=place)


@containers("03e", "T1", "the path of a mount has the variables of the driver's own process")
class ExpandsMounts(Expanding):
    """os.path.expandvars()."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        mounts = (replace(one, path=os.path.expandvars(one.path)) for one in spec.mounts)
        return replace(spec, mounts=tuple(mounts))


@containers("03f", "T1", "variables in a check's command become those of the environment")
class ExpandsChecks(Expanding):
    """As in a compose file."""

    def changed(self, spec: ContainerSpec) -> ContainerSpec:
        if spec.health is None:
            return spec
        command = tuple(_kubernetes(word, spec) for word in spec.health.command)
        return replace(spec, health=replace(spec.health, command=command))


@containers("03g", "T1", "%NAME% in the arguments of a further command becomes the variable")
class ExpandsFurther(MemoryContainers):
    """As cmd.exe does."""

    async def exec(self, op: ops.Exec, /) -> ExecResult:
        env = (await self._box(op.container)).spec.env

        def value(found: re.Match[str]) -> str:
            return env.get(found[1], found[0])

        command = tuple(re.sub(r"%(\w+)%", value, word) for word in op.command)
        return await super().exec(replace(op, command=command))
