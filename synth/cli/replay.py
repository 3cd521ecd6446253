"""`synth replay`: one clip again, from its sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synth.cli.options import Clip, DataSet
from synth.cli.output import print_result


def replay(
    dataset: DataSet,
    clip_id: Clip,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The audio file to write.")],
) -> None:
    """Render one clip again from its sources.

    The new clip is compared with the one in the data set. The command exits with code 4 if the bytes differ.
    """
    from synth.commands.replay import replay as replay_clip
    from synth.errors import VerifyMismatch

    replayed = replay_clip(dataset, clip_id, out)
    verdict = {
        True: "the same bytes as in the data set",
        False: "NOT the bytes of the data set",
        None: "not yet in the data set",
    }[replayed.same]
    print_result(replayed.to_json(), lambda: f"{replayed.path}: {verdict} (sha256 {replayed.sha256})")
    if replayed.same is False:
        raise VerifyMismatch(
            f"{replayed.clip_id}: the bytes differ from those in {dataset}: sources or versions have changed"
        )
