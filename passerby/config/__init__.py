"""What decides a run: recipes, single settings of them (`--set`), the files that name them."""

from passerby.config.files import (
    allow_imports,
    component_files,
    import_allowed,
    import_file,
    import_files,
    imported_files,
    imported_source,
    open_recipe,
)
from passerby.config.recipe import Recipe, with_settings
from passerby.config.sections import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Averaging,
    Computation,
    Input,
    LayerUnit,
    LossTerm,
    Network,
    Optimizer,
    Phase,
    Rate,
    Sampling,
    Schedule,
    Texts,
)
from passerby.config.settings import term_names
from passerby.config.text import recipe_text

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Averaging",
    "Computation",
    "Input",
    "LayerUnit",
    "LossTerm",
    "Network",
    "Optimizer",
    "Phase",
    "Rate",
    "Recipe",
    "Sampling",
    "Schedule",
    "Texts",
    "allow_imports",
    "component_files",
    "import_allowed",
    "import_file",
    "import_files",
    "imported_files",
    "imported_source",
    "open_recipe",
    "recipe_text",
    "term_names",
    "with_settings",
]
