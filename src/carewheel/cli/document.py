"""The reference page of the command line, written from the commands: ``python -m carewheel.cli.document > FILE``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from carewheel.cli import COMMANDS, root

HEAD = """# The command line

Written from the commands by `python -m carewheel.cli.document`; do not edit.

Every command ends with what to do next. Output pipes well: no colour and no bars where it is no terminal, or where
`NO_COLOR` is set. The workspace is `--workspace`, else the environment variable `CAREWHEEL_WORKSPACE`, else
`./carewheel-workspace`.

| exit code | means |
|---|---|
| 0 | it worked; for `turn` and `measures value`: something was measured |
| 1 | a bug: please report it |
| 2 | wrong usage, or a refusal said in one line (`carewheel: …`) |
| 3 | nothing could be measured or told, or no mapping fits |
| 4 | `turn --strict`, and a row or file was refused |
| 130 | interrupted; nothing was half-loaded |
"""


def page() -> str:
    """The page as Markdown, ending with a newline."""
    return "\n".join(_lines())


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its full name, in the order of the help.

    >>> [name for name, _ in commands()][:2]
    ['carewheel turn', 'carewheel serve']
    """
    context = click.Context(root, info_name="carewheel")
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        yield from _below(f"carewheel {name}", command)


def _below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command, or those of a group, however deep."""
    if isinstance(command, click.Group):
        for inner, nested in command.commands.items():
            yield from _below(f"{name} {inner}", nested)
    else:
        yield name, command


def _lines() -> Iterator[str]:
    yield HEAD
    for name, command in commands():
        yield from _command(name, command)


def _command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    yield f"## {name}\n"
    yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    yield _plain(command.help or "") + "\n"
    options = [p for p in command.params if isinstance(p, click.Option)]
    if not options:
        return
    yield "| option | what |\n|---|---|"
    for option in options:
        record = option.get_help_record(context)
        assert record is not None, f"{name}: {option.name} is hidden"
        form, text = record
        again = " May be given several times." if option.multiple and "several" not in text else ""
        variable = f" Environment: `{option.envvar}`." if isinstance(option.envvar, str) else ""
        yield f"| `{form}` | {text}{again}{variable} |"
    yield ""


def _plain(text: str) -> str:
    """Help text as Markdown: paragraphs kept, the line breaks of the source joined."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


if __name__ == "__main__":
    sys.stdout.write(page())
