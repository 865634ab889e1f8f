"""Arrows point one way, importing costs little, and names are the field's."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "passerby"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Every room of the house. Each may import from the lines above its own, not from its own line.
LAYERS = [
    {"version", "extras"},
    {"process", "alignment", "body_parts", "calls", "client"},
    {"registry"},
    {"config", "tables", "publications"},
    {"data", "losses", "evaluation", "recipes", "stores", "synthesis", "weights"},
    {"models", "adaptation"},
    {"conversion"},
    {"embedding"},
    {"assessment", "explanation"},
    {"sharing"},
    {"training", "gallery", "export"},
    {"studies", "video", "fine_tuning", "architecture_search"},
    {"visual"},
    {"serve", "assistants", "mqtt"},
    {"demo", "doctor"},
    {"cli"},
    {"__main__"},
]
FORBIDDEN_NAMES = {"utils", "util", "core", "engine", "base", "interfaces", "builder"}
FORBIDDEN_WORDS = {"pid", "pids", "camid", "camids", "qf", "gf", "feat", "feats"}


def room_of(module):
    """The room of the house that a module belongs to: ``models``, ``data``, ``cli``."""
    return module.removeprefix("passerby").removeprefix(".").partition(".")[0]


def layer_of(room):
    return next(number for number, rooms in enumerate(LAYERS) if room in rooms)


def imports_of(module, source):
    """All modules imported anywhere in a source, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            if node.level:
                package = (
                    module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
                )
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                home = ".".join([*above, *filter(None, [home])])
            # ``from passerby.data import records`` imports a module, not a name of passerby.data.
            found |= {
                f"{home}.{alias.name}" if f"{home}.{alias.name}" in FILES else home
                for alias in node.names
            }
    return found


IMPORTS = {module: imports_of(module, path.read_text("utf-8")) for module, path in FILES.items()}


def arrows():
    """(importing module, imported module, their rooms) between rooms of the house."""
    for module, imported in IMPORTS.items():
        if module == "passerby":  # its names are imported on first use
            continue
        for other in imported - {"passerby"}:
            if other.split(".")[0] == "passerby" and room_of(other) != room_of(module):
                yield module, other, room_of(module), room_of(other)


def test_every_room_is_known_and_exists():
    known = [room for rooms in LAYERS for room in rooms]
    assert sorted(known) == sorted({room_of(module) for module in FILES if module != "passerby"})


def test_arrows_point_one_way():
    wrong = [
        f"{module} imports {other}"
        for module, other, room, target in arrows()
        if layer_of(target) >= layer_of(room)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("room", "targets"),
    [
        ("evaluation", {"models", "losses", "embedding", "training", "data"}),
        ("models", {"data", "tables", "losses", "evaluation"}),
        ("losses", {"models", "data", "tables", "evaluation"}),
        ("stores", {"gallery", "embedding", "evaluation"}),
    ],
)
def test_rooms_that_do_not_know_each_other(room, targets):
    wrong = [
        f"{m} imports {o}" for m, o, own, target in arrows() if own == room and target in targets
    ]
    assert wrong == []


def test_the_rules_see_what_they_should():
    assert ("evaluation", "tables") in {(room, target) for *_, room, target in arrows()}
    assert room_of("passerby.tables.records") == "tables"
    assert layer_of("cli") > layer_of("training") > layer_of("models")
    assert imports_of(
        "passerby.cli.app", "def f():\n    from passerby.data.reading import reader, parts"
    ) == {
        "passerby.data.reading.reader",
        "passerby.data.reading.parts",
    }


def test_only_distributed_imports_torch_distributed():
    wrong = [
        module
        for module, imported in IMPORTS.items()
        if module != "passerby.process.distributed"
        and any(other.startswith("torch.distributed") for other in imported)
    ]
    wrong += [
        module
        for module, path in FILES.items()
        if module != "passerby.process.distributed"
        and "torch.distributed" in path.read_text("utf-8")
    ]
    assert wrong == []


def test_no_file_or_folder_is_named_by_nothing():
    names = {part for path in PACKAGE.rglob("*") for part in path.relative_to(ROOT).parts}
    assert {Path(name).stem for name in names} & FORBIDDEN_NAMES == set()


@pytest.mark.parametrize("module", FILES)
def test_names_are_the_fields_words(module):
    tokens = tokenize.generate_tokens(io.StringIO(FILES[module].read_text("utf-8")).readline)
    wrong = {
        token.string
        for token in tokens
        if token.type == tokenize.NAME
        and set(re.findall(r"[a-z]+", re.sub(r"(?=[A-Z])", "_", token.string).lower()))
        & FORBIDDEN_WORDS
    }
    assert wrong == set()


def run(code):
    """Run a program in a fresh interpreter and return what it prints, errors last."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def imported_by(code):
    """Modules that a program imports, in a fresh interpreter that may print beside them."""
    output = run(
        f"import sys\nbefore = {{*sys.modules}}\n{code}\n"
        "print(*sorted({*sys.modules} - before), file=sys.stderr)\n"
    )
    return {*output.splitlines()[-1].split()}


def others_of(modules):
    """Packages that are neither Python's nor ours."""
    return {module.split(".")[0] for module in modules} - sys.stdlib_module_names - {"passerby"}


def test_importing_passerby_imports_nothing_else():
    modules = imported_by("import passerby")
    assert others_of(modules) == set()
    assert {one for one in modules if one.startswith("passerby")} == {
        "passerby", "passerby.version",
    }  # fmt: skip
    assert others_of(imported_by("import passerby.client")) == set()  # as its page says


def test_help_imports_the_parser_of_commands_and_little_else():
    modules = imported_by(
        "from passerby.cli.app import main\n"
        "sys.argv = ['passerby', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as leave:\n    assert not leave.code\n"
    )
    assert others_of(modules) <= {"tyro", "docstring_parser", "typeguard", "typing_extensions"}
    rooms = {room_of(module) for module in modules if module.startswith("passerby.")}
    assert rooms <= {"calls", "cli", "extras", "process", "registry", "version"}
    assert len(modules) < 400  # 267 with Python's own


# What may be imported at the head of a file: all that is installed without extras.
CORE = {
    "PIL", "filelock", "jinja2", "markupsafe", "numpy", "rich", "safetensors", "simplejpeg",
    "torch", "torchvision", "tyro",
}  # fmt: skip
# Rooms that are entered only where their extra is installed.
OPTIONAL = {
    "passerby.stores.engines.lancedb": {"lancedb", "pyarrow"},
    "passerby.serve": {"fastapi", "prometheus_client", "pydantic", "starlette", "uvicorn"},
    "passerby.assistants.server": {"mcp", "pydantic"},
}


def test_optional_packages_are_imported_in_functions():
    wrong = {}
    for module, path in FILES.items():
        tree = ast.parse(path.read_text("utf-8"))
        heads = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        named = {name for node in heads for name in imports_of(module, ast.unparse(node))}
        allowed = {
            name for room, names in OPTIONAL.items() if module.startswith(room) for name in names
        }
        if others := others_of(named) - CORE - allowed:
            wrong[module] = others
    assert wrong == {}


def test_public_names_are_those_that_are_declared():
    import passerby

    assert dir(passerby) == sorted(passerby.__all__)
    assert passerby.evaluate.__module__ == "passerby.evaluation.evaluate"
    with pytest.raises(AttributeError, match="has no attribute 'evaluat'"):
        getattr(passerby, "evaluat")  # noqa: B009
