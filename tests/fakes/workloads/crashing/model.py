"""A model whose native code crashes in a query."""

import ctypes
import importlib.util

spec = importlib.util.spec_from_file_location(
    "raising_model", __file__.replace("crashing/", "raising/")
)
raising = importlib.util.module_from_spec(spec)
spec.loader.exec_module(raising)


class Model(raising.Model):
    def predict(self, indices):
        try:
            return super().predict(indices)
        except ValueError:
            ctypes.string_at(0)
