"""Laws of texts that a shell, an engine or a template would expand: they arrive as given."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.containers import (
    ContainersFeature,
    ContainerSpec,
    Health,
    HealthCheck,
    Mount,
)
from omnicloud_tck.check import equal, eventually
from omnicloud_tck.containers.bench import PATIENCE, Bench, spec
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["GivenLaws"]

_F = ContainersFeature
_NOTATIONS = (
    *("$@", "${@}", "${@:-x}", "$(@)", "$$(@)", "$$@", "`@`", "$[@]", "$((@))"),
    *("%@%", "%%@%%", "!@!", "$env:@", "${env:@}", "$ENV{@}", "%(@)s", "%{@}"),
    *("{@}", "{{@}}", "{{.@}}", "{{ .@ }}", '{{env "@"}}', "{{ env.@ }}", "{% @ %}"),
    *("#{@}", "#@", "@@@", "<@>", "<%= @ %>", "[[@]]", ":@", "&@;", "__@__", "(@)", "[@]", "@"),
)
"""How a variable is written; ``@`` is its name."""
_VARIABLES = ("STAMP", "LATER", "HOME", "PATH", "name")
_OTHERS = (
    *("~", "~/x", "~root", "%", "%%", "%n", "%h", "%i", "%s", "%d", "%41", "$", "$$", "$1"),
    *("$?", "${}", "$()", "{}", "{0}", "{{}}", "a{b,c}d", "[a-z]*", "?", "!!", "@/etc/hostname"),
    *("&amp;", "\uff04(STAMP)", "{{.Name}}", "{{.ID}}", "{1..3}", "<<x", "|", "#x", "--", "'", '"'),
)
_SLASHED = (r"\x41", r"\101", r"\$STAMP", "\\", r"\\", r"\n", r"\t")
"""Of these a shell's own ``echo`` may make something, but not the program."""

_WORDS = (
    *(how.replace("@", name) for name in _VARIABLES for how in _NOTATIONS),
    *_OTHERS,
)
_TEXT = " ".join(_WORDS)
_PLACE = "/srv/$(STAMP)/${STAMP}/$STAMP/%STAMP%/{{STAMP}}/{STAMP}/@STAMP@/~/%n %h/$HOME"
_NAME = "it $(STAMP) ${STAMP} $STAMP %STAMP% {{STAMP}} {{.Name}} {name} %n ~"


class GivenLaws(Bench):
    """What looks like a variable is none, unless the program takes it for one."""

    @law(
        "CON-192",
        "No notation of a variable is expanded in arguments, the environment, labels and names, "
        "nor in those of a further command.",
    )
    async def texts_arrive_as_given(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        # Some are expanded from what is given before them only.
        env = {"LATER": _TEXT, "STAMP": "now", "name": "n", "LAST": _TEXT}
        words = (*_WORDS, *_SLASHED, "end")
        said = " ".join(words)
        await containers.run(
            ContainerSpec(name=_NAME, command=("echo", *words), env=env, labels={_NAME: _TEXT})
        )
        for count in (1, 2):  # the second time from what was kept of it
            found = await self.ended(containers, _NAME)
            equal((_NAME, {_NAME: _TEXT}), (found.name, dict(found.labels)), "name and labels")
            equal([said] * count, await self.texts(containers, _NAME), "what echo was given")
            await containers.start(_NAME)
        script = "echo '$(STAMP) %STAMP% {{STAMP}} {STAMP}'; " + 'echo "$LATER"; echo "$LAST"'
        await containers.run(spec("script", script, env=env))
        await self.ended(containers, "script")
        expected = ["$(STAMP) %STAMP% {{STAMP}} {STAMP}", _TEXT, _TEXT]
        equal(expected, await self.texts(containers, "script"), "a script and its environment")
        if _F.EXEC in containers.pipeline.driver.features:
            await self.begun(containers, spec("host", env=env))
            told = await containers.exec("host", ("echo", *words))
            equal(said + "\n", told.stdout.decode(), "what a further command was given")
            told = await containers.exec("host", ("sh", "-c", script))
            equal(expected, told.stdout.decode().splitlines(), "a further script")

    @law(
        "CON-193",
        "No notation of a variable is expanded in a working directory, a mount and a check.",
        needs=[_F.VOLUMES, _F.EXEC],
    )
    async def places_are_as_given(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.create_volume(_NAME)
        equal((_NAME,), await containers.volumes(), "the volume")
        checked = _F.HEALTH in containers.pipeline.driver.features
        check = HealthCheck(command=("cat", f"{_PLACE}/said"), interval=0.5, retries=1000)
        there = spec(
            "there",
            'echo "$PWD"; echo in > "$PWD/said"; echo ready; while true; do sleep 0.05; done',
            env={"STAMP": "now"},
            working_dir=_PLACE,
            mounts=(Mount(_NAME, _PLACE),),
            health=check if checked else None,
        )
        await self.begun(containers, there)
        equal([_PLACE, "ready"], await self.texts(containers, "there"), "where it began")
        told = await containers.exec("there", ("cat", f"{_PLACE}/said"))
        equal((0, b"in\n"), (told.exit_code, told.stdout), "a file there")
        await containers.run(spec("beside", "cat /seen/said", mounts=(Mount(_NAME, "/seen"),)))
        await self.ended(containers, "beside")
        equal(["in"], await self.texts(containers, "beside"), "what is in the volume")
        if checked:

            async def well() -> bool:
                found = await self.alive(containers, "there", "what is checked")
                return found.health is Health.HEALTHY

            await eventually(well, world.sleep, PATIENCE, "a check of the file there")
