"""typer in French: what it prints on its own, help headings and usage errors, is written here.

The help is the plain one, not typer's rich panels, which take a quarter of a second to import.
"""

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

USAGE: Final = 2
"""Exit status of a command line that cannot be followed."""
INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells have it."""

_CHOICES: Final = re.compile(r"is not one of (.+?)\.?$")
_TYPE: Final = re.compile(r" <(?:list\[)?(?:[Pp]ath|str|text)\]?>$")
"""The type of an argument, which its help tells better."""
_JSON: Final = "--json"
_REQUIRED, _OBLIGATOIRE = "[required]", "[obligatoire]"
_RANGE: Final = re.compile(r"\[(\d+)<=x<=(\d+)\]")
_LEAST: Final = re.compile(r"\[x>=(\d+)\]")
_ARGUMENT: Final = re.compile(r"\{([^{}]+)\}")
"""How typer writes an argument that must be given."""
_TIED: Final = re.compile(r"(?<=«) | (?=[»:;!?])")
"""The spaces of French typography at which no line breaks."""
_QUOTE: Final = "'"
_RAW: Final = "\b"
"""How a paragraph begins whose lines stay as they are: examples, which are copied."""
_SHORT: Final = 160
"""Characters of a command's line in the help of its group."""


class _FrenchHelp:
    """The help of a command, or of a group of them."""

    def format_usage(self: Any, ctx: Any, formatter: Any) -> None:
        """Write the usage line."""
        pieces = _ARGUMENT.sub(r"\1", " ".join(self.collect_usage_pieces(ctx))).replace("...", "…")
        formatter.write_usage(ctx.command_path, pieces, prefix="Utilisation : ")

    def format_help_text(self: Any, _ctx: Any, formatter: Any) -> None:
        """Write what the command does."""
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text("\n\n".join(text if text.startswith(_RAW) else _tied(text) for text in paragraphs))

    def format_options(self: Any, ctx: Any, formatter: Any) -> None:
        """Write the list of the arguments and that of the options."""
        arguments = [param for param in self.params if param.param_type_name == "argument"]
        options = [param for param in self.params if param.param_type_name != "argument"]
        if arguments:
            with formatter.section("Arguments "):
                formatter.write_dl([(f"{param.metavar}", _tied(getattr(param, "help", ""))) for param in arguments])
        records = [param.get_help_record(ctx) for param in options]
        lines = [(_TYPE.sub("", names), _french(text)) for names, text in filter(None, records)]
        with formatter.section("Options "):
            formatter.write_dl([*lines, ("--help", "Affiche cette aide.")])


class FrenchCommand(_FrenchHelp, TyperCommand):
    """A command whose help is in French."""


class FrenchGroup(_FrenchHelp, TyperGroup):
    """The program: help and usage errors in French, and the exit statuses of the commands."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the list of the options and that of the commands."""
        super().format_options(ctx, formatter)
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commandes "):
            formatter.write_dl(
                [(name, _tied(found.get_short_help_str(_SHORT))) for name, found in commands.items() if found]
            )

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the program and exit; a usage error is told in French on the standard error."""
        run: Callable[..., Any] = super().main
        try:
            status = run(*args, **{**options, "standalone_mode": False})
        except typer.Abort:
            sys.exit(INTERRUPTED)
        except typer.TyperException as error:
            sys.exit(_tell(error, as_json=_JSON in (options.get("args") or sys.argv[1:])))
        sys.exit(status)


def _tell(error: typer.TyperException, *, as_json: bool) -> int:
    """Tell a usage error as the command that was meant would tell its own."""
    sentence, help_line = _usage_error(error)
    if not as_json or not sentence:
        typer.echo("\n".join(filter(None, (sentence and f"Erreur : {sentence}", help_line))), err=True)
        return USAGE
    import json  # noqa: PLC0415 - the help must not wait for it

    from pfcng.cli.output import COMMON_KEYS  # noqa: PLC0415 - idem

    document = {"etat": "usage", **dict.fromkeys(COMMON_KEYS), "message": sentence, "conseil": help_line or None}
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    return USAGE


def _french(text: str) -> str:
    """The help of an option, with what typer adds to it."""
    text = _LEAST.sub(r"[au moins \1]", _RANGE.sub(r"[de \1 à \2]", text.replace(_REQUIRED, _OBLIGATOIRE)))
    return _tied(text)


def _tied(text: str) -> str:
    return _TIED.sub("\u00a0", text)


def _usage_error(error: typer.TyperException) -> tuple[str, str]:
    """The French sentence for a usage error of typer, told by the error's class, and where help is.

    Without a command there is only the help itself.
    """
    context = getattr(error, "ctx", None)
    param = getattr(error, "param", None)
    option = getattr(error, "option_name", None) or (param.opts[0] if param is not None else "")
    match type(error).__name__:
        case "NoArgsIsHelpError":
            return "", error.message
        case "MissingParameter" if param is not None and param.param_type_name == "argument":
            sentence = f"Il manque {param.metavar}."
        case "MissingParameter":
            sentence = f"L’option {option} est obligatoire."
        case "NoSuchOption":
            sentence = f"L’option {option} n’existe pas."
        case "BadOptionUsage":
            sentence = f"L’option {option} est mal employée : elle demande une valeur, ou n’en prend pas."
        case "BadParameter" if option:
            sentence = f"La valeur de {option} n’est pas acceptée{_expected(error.message, param, context)}."
        case _ if context is not None and isinstance(context.command, FrenchGroup):
            sentence = f"Commande inconnue. Les commandes sont : {', '.join(context.command.commands)}."
        case _:
            sentence = "La ligne de commande a un argument de trop."
    return sentence, f"Aide : {context.command_path} --help" if context is not None else ""


def _expected(message: str, param: Any, context: Any) -> str:
    """What would be accepted, where that can be told in a few words."""
    choices = _CHOICES.search(message)
    if choices:
        return f" ; choisissez parmi {choices[1].replace(_QUOTE, '')}"
    _, told = (param and param.get_help_record(context)) or ("", "")
    bounds = _RANGE.search(told)
    if bounds:
        return f" ; donnez un nombre de {bounds[1]} à {bounds[2]}"
    least = _LEAST.search(told)
    if least:
        return f" ; donnez un nombre d’au moins {least[1]}"
    return f" ; écrivez-la {param.metavar}" if "does not match the formats" in message else ""
