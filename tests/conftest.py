"""No test keeps runs unless it names a store of its own: neither in this process nor in the commands it starts."""

import os

os.environ["LOADSTONE_STORE"] = "none"

pytest_plugins = ["pytester", "tests.browser", "tests.postgres"]
