"""The built-in meters, one module each, named as `--meter` takes it.

Each module defines `METER`, the class that implements `harness.meters.base.Meter`. Modules are
discovered by their file name and imported only when their meter is used.
"""
