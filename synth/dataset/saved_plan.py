"""A plan on disk and back: catalogs, pools and columns, so that a worker maps what it needs instead of holding it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synth import files
from synth.catalog.case_list import Case, Cases
from synth.catalog.catalog import Catalog
from synth.catalog.grown_files import GrownFile
from synth.catalog.noise_store import NoiseStore
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.input_changes import CATALOGS, list_hashes
from synth.dataset.plan_file import PlanHeader, read_plan_header
from synth.dataset.quarantine import scan_refusal
from synth.dsp.segments import Circle
from synth.plan.plan import Plan
from synth.plan.pools import PoolRecording, Pools
from synth.plan.tables import CLIP_COLUMNS, PIECE_COLUMNS, Columns
from synth.recipe.load import dump_resolved, load_recipe, resolved_dict
from synth.recipe.stages import stages_of


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a worker works from."""

    header: PlanHeader
    plan: Plan
    noise: NoiseStore


def header_of(plan: Plan, noise: NoiseStore, *, planned: Mapping[str, Any]) -> PlanHeader:
    """The header of a plan. `noise` refused what could not be decoded; `planned` is the ledger, as JSON values."""
    catalogs = {name: _catalog(plan, name) for name in CATALOGS}
    scanned = [refusal for catalog in catalogs.values() for refusal in catalog.refused]
    refused = tuple(scan_refusal(refusal) for refusal in (*scanned, *noise.refused))
    return PlanHeader(
        fingerprint=plan.fingerprint,
        recipe=resolved_dict(plan.recipe),
        recipe_text=dump_resolved(plan.recipe),
        digests=plan.fingerprints,
        clips=len(plan),
        shard_size=plan.shard_size,
        sample_rate=plan.recipe.sample_rate,
        splits=tuple(split for split, share in plan.recipe.splits.shares.items() if share > 0),
        inputs=sum(len(catalog) for catalog in catalogs.values()) + len(scanned),
        max_bad=plan.recipe.limits.max_bad,
        stages=stages_of(plan.recipe),
        refused=refused,
        roots={name: root for catalog in catalogs.values() for name, root in catalog.roots.items()},
        recipe_folder=str(plan.recipe.folder),
        planned=planned,
    )


def _catalog(plan: Plan, name: str) -> Catalog:
    catalog: Catalog = getattr(plan, name)
    return catalog


def save_plan(dataset: DatasetDir, plan: Plan, noise: NoiseStore) -> None:
    """Write the data of a plan. The same plan gives the same files, so parts that do it twice do no harm.

    The caller holds the lock for planning: what a killed run left half-written is cleared. Raises StorageError.
    """
    folder = dataset.plan_data
    files.remove_temporary_files(folder)
    files.write_file(folder / "recipe.yaml", dump_resolved(plan.recipe).encode())
    for name in CATALOGS:
        _catalog(plan, name).save(folder / f"{name}.catalog")
    noise.save(folder / "noise.store")
    files.write_file(folder / "lists.json", json.dumps(list_hashes(plan.recipe), sort_keys=True).encode())
    files.write_file(folder / "pools.json", _pools_text(plan.pools).encode())
    cases = {name: {"digest": c.digest, "rows": [asdict(row) for row in c.rows]} for name, c in plan.cases.items()}
    files.write_file(folder / "cases.json", json.dumps(cases, sort_keys=True).encode())
    _save_columns(folder, "clips", plan.clips)
    _save_columns(folder, "pieces", plan.pieces)


def _save_columns(folder: Path, table: str, columns: Columns) -> None:
    for name, column in columns.items():
        with files.writing(folder / f"{table}.{name}.npy") as out:
            np.lib.format.write_array(out, np.ascontiguousarray(column), allow_pickle=False)


def _load_columns(folder: Path, table: str, names: Mapping[str, str]) -> Columns:
    # plain ndarray: indexing the memmap class costs a Python call each time
    return {
        name: np.load(folder / f"{table}.{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
        for name in names
    }


def _pools_text(pools: Pools) -> str:
    return json.dumps(
        [
            {
                "layer": layer,
                "pool": pool,
                "recordings": [
                    {
                        "index": r.index,
                        "id": r.id,
                        "stretches": r.circle.stretches,
                        "crossfade": r.circle.crossfade,
                        "group": r.group,
                        "grown": None if r.grown is None else asdict(r.grown),
                    }
                    for r in members
                ],
            }
            for (layer, pool), members in pools.items()
        ]
    )


def _pool_recording(fields: Mapping[str, Any]) -> PoolRecording:
    stretches = [(start, length) for start, length in fields["stretches"]]
    circle = Circle.of(stretches, crossfade=fields["crossfade"])
    grown = None if fields["grown"] is None else GrownFile(**fields["grown"])
    return PoolRecording(fields["index"], fields["id"], circle, fields["group"], grown)


def load_pools(dataset: DatasetDir) -> Pools:
    """The noise pools of a saved plan."""
    tables = json.loads((dataset.plan_data / "pools.json").read_text(encoding="utf-8"))
    return {(t["layer"], t["pool"]): tuple(_pool_recording(fields) for fields in t["recordings"]) for t in tables}


def _load_cases(folder: Path) -> dict[str, Cases]:
    tables = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    return {name: Cases(tuple(map(_case, table["rows"])), table["digest"]) for name, table in tables.items()}


def _case(fields: Mapping[str, Any]) -> Case:
    colours = {name: fields[name] and tuple(fields[name]) for name in ("bands_db", "rumble_db")}
    return Case(**{**fields, **colours})


def open_plan(dataset: DatasetDir) -> SavedPlan:
    """The plan of a data set's directory, mapped into memory.

    Raises:
        UsageError: nothing was planned here, or what was is damaged.
    """
    header = read_plan_header(dataset)
    folder = dataset.plan_data
    recipe = load_recipe(folder / "recipe.yaml", folder=header.recipe_folder)
    speech, noise, rooms = (Catalog.load(folder / f"{name}.catalog") for name in CATALOGS)
    clips, pieces = _load_columns(folder, "clips", CLIP_COLUMNS), _load_columns(folder, "pieces", PIECE_COLUMNS)
    plan = Plan(recipe, speech, noise, rooms, load_pools(dataset), clips, pieces, _load_cases(folder))
    return SavedPlan(header, plan, NoiseStore.load(folder / "noise.store"))
