"""What pyproject.toml cannot say: the table and the templates go into the wheel.

They stand at the top of the checkout, where people look for them, and beside the code once
installed. Setuptools works in a folder of its own: `build/` is ours, and committed.
"""

from pathlib import Path
from shutil import copy2, copytree

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithData(build_py):
    """Copies `primitives.yaml` and `templates/` beside the modules."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            package = Path(self.build_lib) / "faustdiff"
            copy2("primitives.yaml", package)
            copytree("templates", package / "templates", dirs_exist_ok=True)
            # Programs of pages find the library without a `faustdiff build` before them.
            (package / "build").mkdir(exist_ok=True)
            for file in ("diff.lib", "primitives.schema.json"):
                copy2(f"build/{file}", package / "build")


setup(
    cmdclass={"build_py": BuildWithData},
    options={"build": {"build_base": ".cache/build"}},
)
