"""One use case per file: paths in, a value out; prints nothing. Imports nothing above `report`.

This is the Python interface of the commands. A module has the name of its command (`synth generate` is
`synth.commands.generate`); `dataset` holds the three short ones that need nothing but a data set:

    from synth.commands.plan import make_plan
    from synth.commands.generate import generate
    from synth.commands.dataset import finish, read_status, verify

What a module lists in its `__all__` is stable between minor versions, and so is `synth.__all__`. Everything else under
`synth.*` may change at any time. Paths may be texts or `pathlib.Path`. Errors are those of `synth.errors`.
"""
