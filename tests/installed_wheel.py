"""A check of the package that is installed without extras; the session `wheel` runs it."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import seeclickfix_async as package
from seeclickfix_async import testing

loaded = {"anyio", "httpx", "httpx2", "msgspec"} & sys.modules.keys()
assert not loaded, f"importing the package loads {loaded}"
assert Path(package.__file__).is_relative_to(sys.prefix), "this is not the installed package"

for name in package.__all__:
    getattr(package, name)
package.AsyncClient()
loaded = {"httpx", "httpx2", "cyclopts", "rich", "starlette"} & sys.modules.keys()
assert not loaded, f"making a client loads {loaded}"

scf = subprocess.run(
    [Path(sys.prefix, "bin", "scf"), "demo"], capture_output=True, text=True, check=False
)
assert scf.returncode != 0
assert "pip install 'seeclickfix-async[cli,sandbox]'" in scf.stderr, scf.stderr
plugins = importlib.metadata.entry_points(group="pytest11", name="seeclickfix")
assert [plugin.value for plugin in plugins] == ["seeclickfix_async.testing._plugin"], plugins
testing.VirtualClock()
missing = ""
try:
    testing.SandboxHarness()
except ModuleNotFoundError as error:
    missing = str(error)
assert "pip install 'seeclickfix-async[testing]'" in missing, missing
print("Every public name is there, without extras.")
