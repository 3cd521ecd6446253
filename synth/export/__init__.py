"""Exports: the clips of a data set in the formats of other tools (start at `run.py`). Imports nothing above `dataset`.

To add a format, write a class in a new file of `formats/` and add one line to the table `FORMATS` in
`formats/__init__.py` (and its name to `ExportFormat` in `synth/cli/options.py`). The class is a `Format` (`format.py`):

    class Words(Format):
        name, summary = "words", "One line per clip: its id and its text."
        losses = {"no_text": "have no text and are left out"}
        left_out = ("labels", "alignments")

        def write_chunk(self, out: ChunkWriter) -> None:      # in a worker process, once per chunk
            for row in out.rows():                              # manifest rows of the chunk, in clip order
                if row["text"] is None:
                    out.lose("no_text")
                else:
                    out.add_line(f"{out.chunk.split}.txt", f"{row['id']} {row['text']}")

        def finish(self, merge: Merge) -> None:                # in the parent, when all chunks are done
            for name in merge.names():                          # this is also the default
                merge.write(name, merge.lines(name))

        def reading(self, out: Path, content: ExportContent) -> tuple[str, ...]:
            return (f"open({str(out / 'train.txt')!r})",)

What a format may rely on:

- A *chunk* is a range of selected rows of one split, at most `--shard-size` of them. It is the unit of work. Chunks are
  numbered from 0 within their split (`out.chunk.number`; `out.settings.chunk_counts[split]` says how many there are).
- `out.add_line(list, line)` adds a line to a list that `finish` merges: in chunk order, or sorted by bytes
  (`merge.lines(list, ordered=True)`). A line has no line end in it; JSON has none.
- `with out.file("data/train-00000.tar") as file: file.write(data)` writes a file of the export itself. It is written
  under a temporary name; an equal file that an earlier run left is accepted, and any other file is never replaced.
- `out.audio(row)` is the path of the clip as lists write it (`--paths`), `out.path(relative)` that of any file of the
  data set. `out.read_audio(row)` and `out.read_file(relative, sha256)` return the bytes of a file, checked against the
  manifest, wherever it lies: for formats with `holds_audio = True`, which hold the audio instead of a path.
- What a format cannot hold is counted with `out.lose(key)`, where `losses[key]` ends the sentence "3 of 12 clips ...".
  What it never holds is named in `left_out`.
- `merge.totals` counts clips, hours and weights by split and stage; `merge.settings` are the options.
- Bytes may depend on the rows, the options and the versions in `Format.versions()` only: never on time, on `--jobs`, or
  on what an earlier run did.

State of a run is in `OUT/.synth/`, and goes away at the end. `OUT/export.json` is written last: it exists exactly if
the export is complete, and has the size and SHA-256 of every other file. `verify.py` checks an export against it.
"""
