"""The command `genotype`: the published architectures, and any in words, as JSON, beside another, and drawn."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from orchestrator.architectures.comparison import Difference, differences, operation_counts, places
from orchestrator.architectures.description import lines, title
from orchestrator.architectures.drawing.architecture import draw
from orchestrator.architectures.find import find_genotype
from orchestrator.architectures.sources import SOURCES
from orchestrator.cli.networks.benchmark import benchmark
from orchestrator.cli.networks.derive import derive
from orchestrator.cli.options import asking_for_a_network, json_option, storage_option
from orchestrator.cli.output import replace_file, say, say_json
from trainables.architecture.genotype import (
    ARCHITECTURE_ALIASES,
    ARCHITECTURES,
    Architecture,
    NasBench201Cell,
    check_operations,
    describe,
    find_file,
)
from trainables.architecture.networks import NETWORKS, natural_network
from trainables.architecture.sameness import Degree, sameness

SIZES = ("params", "addmult")
WHAT = "NAME|FILE|TRIAL"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """An architecture and what a person calls it."""

    name: str
    architecture: Architecture
    operations: str


@click.group()
def genotype() -> None:
    """Architectures: cells of a genotype, a path through a MultiChannelNet, or a cell of NAS-Bench-201.

    NAME is a published one or its alias, or a cell as NAS-Bench-201 writes it, '|nor_conv_3x3~0|+|...'; FILE a JSON
    file of one, a log that prints some (the last one counts, or search.log:12, the one under epoch 12), or a module of
    them (genotypes.py:NAME); TRIAL the beginning of the id of a trial that found one, or of several, as in
    0123456789ab:genotype_top_down.
    """


genotype.add_command(benchmark)


@genotype.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the published architectures: name, kind, source, other names."""
    if as_json:
        say_json([_entry(name) for name in ARCHITECTURES])
        return
    entries = [_entry(name) for name in ARCHITECTURES]
    columns = ("name", "kind", "source", "what")
    widths = {column: max(len(entry[column]) for entry in entries) for column in columns}
    for entry in entries:
        also = f" (also {', '.join(entry['aliases'])})" if entry["aliases"] else ""
        fixed = "  ".join(f"{entry[column]:<{widths[column]}}" for column in columns[:-1])
        say(f"{fixed}  {entry['what']}{also}")


@genotype.command()
@click.argument("what", metavar=WHAT)
@storage_option
@json_option
def show(what: str, storage: str, as_json: bool) -> None:
    """Show an architecture node by node or step by step; of a cell of NAS-Bench-201, also how well it did there.

    Its JSON, saved as a file, can stand wherever a name can.
    """
    found = _find(what, storage)
    if as_json:
        say(_artifact_text(describe(found.architecture, found.operations)))
        return
    say(title(found.architecture, found.name, found.operations))
    for line in lines(found.architecture):
        say(line)
    if isinstance(found.architecture, NasBench201Cell):
        from orchestrator.architectures.benchmark import cell_lines  # the table is numpy's

        for line in cell_lines(found.architecture):
            say(line)


@genotype.command()
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@storage_option
@json_option
def compare(one: str, other: str, storage: str, as_json: bool) -> None:
    """Show what differs between architectures A and B: nodes or steps, operations, sizes.

    A and B are each a NAME, a FILE or a TRIAL. The order of edges within a node is no difference in what they compute;
    but trainings of both end in the same digits, so that one takes over the row of the other, only where they are the
    same edge for edge.
    """
    pair = _find(one, storage), _find(other, storage)
    sizes = tuple(map(_sizes, pair))
    if as_json:
        say_json(_comparison_json(pair, sizes))
        return
    for line in _comparison_lines(pair, sizes):
        say(line)


@genotype.command("draw")
@click.argument("what", metavar=WHAT)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.svg",
    help="Write here; to the standard output by default.",
)
@storage_option
def draw_(what: str, output: Path | None, storage: str) -> None:
    """Draw an architecture as SVG: cells as graphs, a path in its grid of channels and layers."""
    found = _find(what, storage)
    svg = draw(found.architecture, name=found.name, operations=found.operations)
    if output is None:
        say(svg, end="")
        return
    replace_file(output, svg.encode())
    say(f"{output} shows {found.name}", err=True)


genotype.add_command(derive)


def _find(what: str, storage: str) -> _Found:
    """Return an architecture with the operations that its file or its trial tells, 'ssc' where none does.

    Raises: UnknownName, InvalidGenotype, LedgerError.
    """
    with asking_for_a_network(what):
        architecture, operations = find_genotype(what, storage)
    check_operations(architecture, operations)
    return _Found(name=_name(what), architecture=architecture, operations=operations)


def _name(what: str) -> str:
    """Return what an architecture is called: as published, as its trial, after its file, or by a cell's digits."""
    if what.lstrip().startswith("|"):
        return NasBench201Cell.from_string(what).digits
    found = None if what in ARCHITECTURES or what in ARCHITECTURE_ALIASES else find_file(what, base=Path.cwd())
    if found is None:
        return what
    path, choice = found
    if not choice:
        return path.stem
    return choice if path.suffix == ".py" else f"{path.stem} epoch {choice}"


def _entry(name: str) -> dict[str, Any]:
    source = SOURCES[name]
    return {
        "name": name,
        "aliases": [alias for alias, meant in ARCHITECTURE_ALIASES.items() if meant == name],
        "kind": ARCHITECTURES[name].kind,
        "source": source.where,
        "what": source.what,
    }


def _artifact_text(artifact: dict[str, Any]) -> str:
    """Return the JSON of an artifact, a key to a line."""
    content = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in artifact.items())
    return f"{{\n{content}\n}}"


def _sizes(found: _Found) -> dict[str, int]:
    """Return the sizes of the usual network of an architecture, as `cost` counts them."""
    from trainables.architecture.final_networks import architecture_cost

    network = natural_network(found.architecture)
    counted = architecture_cost(found.architecture, network=network, operations=found.operations)
    return {name: getattr(counted, name) for name in SIZES}


def _comparison_json(pair: tuple[_Found, _Found], sizes: tuple[dict[str, int], ...]) -> dict[str, Any]:
    found = differences(pair[0].architecture, pair[1].architecture)
    return {
        "same": bool(_same(pair)),
        "edge_for_edge": _same(pair) == "edge for edge",
        "differences": [{"place": each.place, "a": each.contents[0], "b": each.contents[1]} for each in found],
        **{
            key: {
                "name": one.name,
                "kind": one.architecture.kind,
                "operations": None if isinstance(one.architecture, NasBench201Cell) else one.operations,
                "counts": operation_counts(one.architecture),
                **size,
            }
            for key, one, size in zip("ab", pair, sizes, strict=True)
        },
    }


def _comparison_lines(pair: tuple[_Found, _Found], sizes: tuple[dict[str, int], ...]) -> Iterator[str]:
    one, other = pair
    found = differences(one.architecture, other.architecture)
    yield _verdict(pair, found)
    width = max(len(one.name), len(other.name))
    for each in found:
        yield f"{each.place}"
        for named, text in zip(pair, each.texts, strict=True):
            yield f"  {named.name:<{width}}  {text}"
    yield ""
    counts = [operation_counts(named.architecture) for named in pair]
    rows = [(name, *(count.get(name, 0) for count in counts)) for name in sorted({*counts[0], *counts[1]})]
    rows += [(name, *(size[name] for size in sizes)) for name in SIZES]
    heading = max(len(name) for name, *_ in rows)
    yield f"{'':<{heading}}  {one.name:>{max(12, len(one.name))}}  {other.name:>{max(12, len(other.name))}}"
    for name, of_one, of_other in rows:
        yield (f"{name:<{heading}}  {of_one:>{max(12, len(one.name))},}  {of_other:>{max(12, len(other.name))},}")
    yield f"Sizes are of: {', '.join(dict.fromkeys(map(_network_title, pair)))}."


def _verdict(pair: tuple[_Found, _Found], found: list[Difference]) -> str:
    one, other = pair
    if degree := _same(pair):
        return f"{one.name} and {other.name} {_sameness_text(one.architecture, degree)}"
    if one.architecture.kind != other.architecture.kind:
        kinds = {"cells": "consists of cells", "path": "is a path", "nas_bench_201": "is a cell of NAS-Bench-201"}
        return " and ".join(f"{named.name} {kinds[named.architecture.kind]}" for named in pair)
    if not found:
        return (
            f"{one.name} and {other.name} have the same {one.architecture.kind}, of different operations:"
            f" {one.operations!r} and {other.operations!r}"
        )
    total = max(places(named.architecture) for named in pair)
    what = {"cells": "nodes and outputs", "path": "layers", "nas_bench_201": "edges"}[one.architecture.kind]
    built = "" if one.operations == other.operations else f", and are of {one.operations!r} and {other.operations!r}"
    operations = f"{built} operations" if built else ""
    return f"{one.name} and {other.name} differ in {len(found)} of {total} {what}{operations}"


def _same(pair: tuple[_Found, _Found]) -> Degree:
    one, other = pair
    return sameness(one.architecture, other.architecture) if one.operations == other.operations else ""


def _sameness_text(architecture: Architecture, degree: Degree) -> str:
    if degree == "edge for edge":
        return "are the same, layer for layer" if architecture.kind == "path" else "are the same, edge for edge"
    where = "on other edges" if isinstance(architecture, NasBench201Cell) else "with edges of a node in another order"
    return f"compute the same, {where}: trainings of them may end in other digits"


def _network_title(found: _Found) -> str:
    usual = NETWORKS[natural_network(found.architecture)]
    size = f" of {usual.layers} cells and {usual.channels} channels" if usual.layers is not None else ""
    return f"the {usual.title}{size}"
