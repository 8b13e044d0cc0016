"""``omnicloud init``: a configuration to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from omnicloud.cli.context import Context, json_flag
from omnicloud.config.files import FILE_NAME
from omnicloud.errors import ConfigurationError

__all__ = ["TEMPLATE", "init"]

TEMPLATE = """\
# The services of this application, by the names that its code knows.
# `omnicloud plan` checks this file; `omnicloud doctor` opens and asks every service.
# Any value can be overridden: OMNICLOUD_SERVICES__ORDERS__PROVIDER=memory

[services.orders]
contract = "kv"                      # what it is
provider = "local"                   # who serves it; `omnicloud providers` lists them
requires = ["compare_and_set"]       # features that it must have; checked before it starts

# All other keys of a service are options of its provider:
# url = "redis://127.0.0.1:6379/0"
# password = "secret:redis-password" # read from a service with contract = "secrets"

# What calls of this service get (seconds; what is left out has a default):
# timeout = 10.0
# retry = { attempts = 3 }

[defaults]
provider = "local"                   # serves every name that is not listed above;
                                     # without this line such names are errors
# region = "eu-west-1"

# [layers]
# disable = ["metrics"]

# blocked = ["memory"]               # providers that must not be used (top of the file)
"""


@click.command()
@json_flag
@click.pass_obj
def init(context: Context) -> None:
    """Write a commented omnicloud.toml, over none that is there."""
    file = context.config or Path(FILE_NAME)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(TEMPLATE)
    except FileExistsError:
        hint = "edit it, or give another with --config"
        context.fail(ConfigurationError(f"{file} is there already", hint=hint))
    except OSError as error:
        context.fail(ConfigurationError(f"{file} cannot be written: {error.strerror}"))
    context.answer({"written": str(file)}, f"wrote {file}; next: omnicloud plan")
