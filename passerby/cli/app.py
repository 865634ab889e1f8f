"""The ``passerby`` command: all commands by name, and what becomes of errors."""

from __future__ import annotations

import inspect
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper

import tyro

from passerby.cli import (
    adapting,
    data,
    evaluating,
    gallery,
    models,
    results,
    studies,
    training,
)
from passerby.cli.accountability import cases, forgetting
from passerby.cli.assistants import mcp_server
from passerby.cli.deciding import asking, decisions, persons
from passerby.cli.machine import completion, doctoring
from passerby.cli.messages import frigate
from passerby.cli.options import STDOUT
from passerby.cli.pictures import explaining
from passerby.cli.server import audit, keys, serving
from passerby.cli.video import alerting, watching
from passerby.cli.visits import paths, visitors
from passerby.process.cores import share_cores
from passerby.process.interruption import Stopped
from passerby.process.reporting import Screen, printable, reporting_to
from passerby.process.spelling import suggest

Commands = Mapping[str, Callable[..., None]]

DATA: Commands = {"check": data.check, "synthesize": data.synthesize, "site": data.site}

ALERT: Commands = {
    "add": alerting.add,
    "list": alerting.list_alerts,
    "test": alerting.try_alert,
    "report": alerting.report,
    "judge": alerting.judge,
    "deliver": alerting.deliver,
    "resume": alerting.resume,
    "remove": alerting.remove,
}

PERSON: Commands = {
    "list": persons.list_persons,
    "name": persons.name,
    "rename": persons.rename,
    "merge": persons.merge,
    "split": persons.split,
    "apart": persons.apart,
    "not-a-person": persons.not_a_person,
}

GALLERY: Commands = {
    "create": gallery.create,
    "add": gallery.add,
    "show": gallery.show,
    "search": gallery.search,
    "link": gallery.link,
    "visitors": visitors.visitors,
    "path": paths.path,
    "transits": paths.transits,
    "remove": gallery.remove,
    "forget": forgetting.forget,
    "check": gallery.check,
    "compact": gallery.compact,
    "dump": gallery.dump,
    "restore": gallery.restore,
    "reembed": gallery.reembed,
    "calibrate": gallery.calibrate,
    "review": asking.review,
    "decisions": decisions.decisions,
    "adapt": adapting.adapt_gallery,
    "export-case": cases.export_case,
    "verify-case": cases.verify_case,
    "verify-certificate": forgetting.verify_certificate,
}

OPT_OUT: Commands = {
    "list": forgetting.opt_out_list,
    "add": forgetting.opt_out_add,
    "remove": forgetting.opt_out_remove,
}

COMMANDS: Commands = {
    "train": training.train,
    "distil": training.distil,
    "search-architecture": training.search_architecture,
    "cross-validate": training.cross_validate,
    "evaluate": evaluating.evaluate,
    "embed": evaluating.embed,
    "rank": evaluating.rank,
    "explain": explaining.explain,
    "verify": evaluating.verify,
    "calibrate": evaluating.calibrate,
    "compare": evaluating.compare,
    "adapt": adapting.adapt,
    "compare-reports": studies.compare_reports,
    "report": results.report,
    "ablate": studies.ablate,
    "ablation-table": studies.ablation_table,
    "watch": watching.watch,
    "mcp": mcp_server.mcp,
    "frigate": frigate.frigate,
    "pull": models.pull,
    "convert": models.convert,
    "convert-config": models.convert_config,
    "card": models.card,
    "push": models.push,
    "export": models.export,
    "show": results.show,
    "list": models.list_components,
    "demo": training.demo,
    "doctor": doctoring.doctor,
}

SERVE: Commands = {"start": serving.serve}

SERVE_KEYS: Commands = {"add": keys.add, "list": keys.list_keys, "revoke": keys.revoke}

SERVE_AUDIT: Commands = {"show": audit.show, "verify": audit.verify}

GROUPS: Mapping[str, tuple[Commands, str]] = {
    "data": (DATA, "Check a data set, or make a synthetic one."),
    "gallery": (GALLERY, "Keep sightings: add, search, show, forget."),
    "gallery person": (PERSON, "Say who is who: name, merge, split; all can be undone."),
    "gallery alert": (ALERT, "Be told when somebody is seen, with few false alarms."),
    "gallery opt-out": (OPT_OUT, "Who was forgotten on request and is not enrolled again."),
    "serve": (SERVE, "Galleries over HTTP and in a browser."),
    "serve keys": (SERVE_KEYS, "Who may ask a server for what."),
    "serve audit": (SERVE_AUDIT, "Who did what, and whether the log of it is whole."),
}

_REPORTS_TO_FILES = ("evaluate", "verify", "compare-reports")
"""Commands whose --json takes the name of a file."""

_RESUMED = ("train", "distil", "search-architecture", "adapt")
_CALLED_AGAIN = (
    "ablate", "cross-validate", "demo", "embed",
    "gallery add", "gallery reembed", "gallery restore",
)  # fmt: skip
"""Commands that lose nothing when they are stopped."""

_NARROWEST = 60  # columns: below, boxes of help fall apart


def main() -> None:
    """Run a command; a mistake of the user's ends in one clear message, not a traceback."""
    try:
        _prepare_streams()
        _keep_names_out_of_logs(sys.argv[1:])
        share_cores()
        with reporting_to(Screen(answers_alone=_for_a_program(sys.argv[1:]))):
            _run(sys.argv[1:])
        sys.stdout.flush()  # here, where a closed pipe is no error
    except BrokenPipeError:
        _exit_quietly()
    except OSError as error:
        _complain(_reason(error))
    except ValueError as error:
        _complain(str(error))
    except Stopped as stop:
        _complain(str(stop), stop.exit_code)
    except KeyboardInterrupt:
        _complain(_stopped(sys.argv[1:]), 130)


def _stopped(words: Sequence[str]) -> str:
    """What who pressed Ctrl-C is told.

    >>> _stopped(["gallery", "add", "lobby", "crops"])
    'stopped; passerby gallery add goes on from there when it is called again'
    """
    for names, how in ((_RESUMED, "with --resume"), (_CALLED_AGAIN, "when it is called again")):
        for name in names:
            if [*words][: len(name.split())] == name.split():
                return f"stopped; passerby {name} goes on from there {how}"
    return "stopped"


def _for_a_program(words: Sequence[str]) -> bool:
    """Whether stdout is to hold JSON or CSV alone; "--json FILE" of a report prints its text."""
    if "--csv" in words or "--json=-" in words:
        return True
    if "--json" not in words:
        return False
    after = [*words, ""][words.index("--json") + 1]
    return words[0] not in _REPORTS_TO_FILES or after == STDOUT


def _run(words: Sequence[str]) -> None:
    if words[:1] == ["serve"] and words[1:2] and words[1].startswith("--") and words[1] != "--help":
        words = ["serve", "start", *words[1:]]  # what almost everybody wants of it
    _require_command(words)
    if words[:1] == [completion.OPTION]:
        completion.print_completion(words, _parse)
    else:
        _parse(words)


def _parse(words: Sequence[str]) -> None:
    # The parser would say again words with which a terminal can be steered.
    plain = all(printable(word) == word for word in words)
    try:
        # Help that lists commands says the first sentence of each, help of one command all.
        _application(COMMANDS, GROUPS, briefly=_names_no_command(words)).cli(
            prog="passerby",
            description="Person re-identification: train, evaluate, search.",
            args=words,
            console_outputs=plain,
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except SystemExit as leave:
        if not plain and leave.code:
            raise ValueError(
                f"these words are not understood: {' '.join(words)}; see passerby --help"
            ) from None
        raise


def _keep_names_out_of_logs(arguments: Sequence[str]) -> None:
    """pymilvus logs each error, with the filter and so with names, beside raising it."""
    if any(argument.startswith("milvus://") for argument in arguments):
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


def _names_no_command(words: Sequence[str]) -> bool:
    """Whether the words lead to a group of commands at most.

    >>> _names_no_command(["gallery", "--help"]), _names_no_command(["gallery", "add", "--help"])
    (True, False)
    """
    named = " ".join(word for word in words if not word.startswith("-"))
    return named in ("", *GROUPS)


def _application(
    commands: Commands, groups: Mapping[str, tuple[Commands, str]], *, briefly: bool = False
) -> tyro.extras.SubcommandApp:
    made = tyro.extras.SubcommandApp()
    for name, command in commands.items():
        first = inspect.cleandoc(command.__doc__ or "").partition("\n\n")[0]
        made.command(name=name, help=first.replace("\n", " ") if briefly else None)(command)
    for name, (inner, text) in groups.items():
        if " " not in name:
            within = {
                other.removeprefix(f"{name} "): group
                for other, group in groups.items()
                if other.startswith(f"{name} ")
            }
            made.command(_application(inner, within, briefly=briefly), name=name, help=text)
    return made


def _require_command(words: Sequence[str]) -> None:
    """ValueError naming the nearest command where the first words are none."""
    if not words or words[0].startswith("-"):
        return
    name, known = words[0], [*COMMANDS, *(group for group in GROUPS if " " not in group)]
    if name not in known:
        raise ValueError(f"no command is named {name!r}{suggest(name, known)}; see passerby --help")
    for word in words[1:]:
        if name not in GROUPS or word.startswith("-"):
            return
        inner = [*GROUPS[name][0]]
        inner += [
            group.removeprefix(f"{name} ") for group in GROUPS if group.startswith(f"{name} ")
        ]
        if word not in inner:
            raise ValueError(
                f"passerby {name} has no command {word!r}{suggest(word, inner)}; see "
                f"passerby {name} --help"
            )
        name = f"{name} {word}"


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called, as some schedulers do
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a pipe on Windows cannot encode Greek letters
            stream.reconfigure(errors="replace")
    tyro._experimental_options["ansi_codes"] = not os.environ.get("NO_COLOR")
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) < _NARROWEST:
        os.environ["COLUMNS"] = str(_NARROWEST)


def _complain(text: str, code: int = 2) -> None:
    print(printable(f"passerby: {text}"), file=sys.stderr)
    sys.exit(code)


def _reason(error: OSError) -> str:
    """The system's words for people, with the file: "No such file or directory: q.npz"."""
    if error.strerror is None:
        return str(error)
    files = [str(file) for file in (error.filename, error.filename2) if file is not None]
    return f"{error.strerror}: {' -> '.join(files)}" if files else error.strerror


def _exit_quietly() -> None:
    """Who reads our output (``| head``) has read enough; Python shall not flush it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


if __name__ == "__main__":
    main()
