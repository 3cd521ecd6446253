"""Programs that measure what `synth` does: speed, and how well it matches. They are not part of the package."""
