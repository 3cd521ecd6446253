"""`synth explain`: every choice that made a clip."""

from __future__ import annotations

from synth.cli.options import Clip, DataSet
from synth.cli.output import print_result


def explain(dataset: DataSet, clip_id: Clip) -> None:
    """Show how a clip was made.

    The output lists its sources and each draw, with the setting of the recipe that it came from.
    """
    from synth.cli.show.explain import explanation_text
    from synth.commands.explain import explain as explain_clip

    explanation = explain_clip(dataset, clip_id)
    print_result(explanation.to_json(), lambda: explanation_text(explanation))
