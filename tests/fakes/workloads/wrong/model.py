"""A model that is right half of the time."""

import importlib.util

spec = importlib.util.spec_from_file_location("echo_model", __file__.replace("wrong/", "echo/"))
echo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(echo)


class Model(echo.Model):
    def correct(self, index, answer):  # noqa: ARG002
        return index % 2 == 0
