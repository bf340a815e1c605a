"""The names of a map's clusters: none on another, none outside, in every width."""

from dataclasses import replace

import numpy as np

from engine.seeds import rng_for
from tests.workbench.test_map_parts import CLUSTERS, marks, points, responses
from workbench.charts.names import MARGINS, NARROW, placed
from workbench.charts.scene import Name
from workbench.components.map_scene import ground_of, scene_of


def test_names_keep_out_of_each_others_way_at_every_width():
    rng = rng_for(0, None, "names")
    names = [
        Name((f"jumpers{n}", "kettle", "limescale"), 99 - n, float(x), float(y))
        for n, (x, y) in enumerate(np.vstack([rng.uniform(-1, 1, (40, 2)), np.zeros((9, 2))]) * (1, 0.5))
    ]
    corners = {"x": np.array([-1, 1, -1, 1, 0], np.float32), "y": np.array([-1, -1, 1, 1, 0], np.float32) / 2}
    ground = ground_of("pairs", replace(points(), columns={**points().columns, **corners}), responses(), CLUSTERS)
    height, drawn = 400, 0
    for first in range(0, len(names) - 8, 4):
        scene = replace(scene_of(ground, marks()), names=names[first : first + 9])
        found = list(placed(scene, height))
        drawn += len(found)
        assert found[0] == (names[first], names[first].words, found[0].aside, 0), "the largest keeps its place"
        for width in (NARROW, 600, 700, 900, 1400):
            scale = min(width / 2.16, (height - MARGINS) / 1.08)
            boxes = [
                (one.name.x * scale + one.aside, one.name.y * scale + one.up, 3.4 * len(", ".join(one.words)))
                for one in found
            ]
            for n, (x, y, half) in enumerate(boxes):
                assert abs(x) + half <= width / 2 + 1 and abs(y) <= scale * 1.08 / 2
                assert all(abs(x - a) > half + w or abs(y - b) > 15 for a, b, w in boxes[:n]), (first, width)
    assert drawn > 50, "most find room"
