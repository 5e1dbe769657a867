"""Flame graphs: what samplers write becomes boxes as wide as their share, and a file of bounded size."""

import re

from bench import flame

LOOP = f"main (services/x/__main__.py:3);{flame.RUNS_THE_LOOP}"


def test_what_every_stack_begins_with_is_left_out_and_lines_of_one_function_are_one() -> None:
    stacks = flame.parse(
        f"{LOOP};work (services/x/service.py:7) 3\n{LOOP};work (services/x/service.py:9) 2\n{LOOP} 1\n"
    )
    assert stacks == {("work (services/x/service.py)",): 5, (flame.EVENT_LOOP,): 1}


def test_a_box_is_as_wide_as_its_share_and_on_top_of_its_caller() -> None:
    picture = flame.svg({("a (x)", "b (x)"): 3, ("a (x)",): 1}, "two")
    boxes = re.findall(r'<title>(\w).*?y="(-?\d+)" width="([\d.]+)"', picture)
    assert [(name, float(width)) for name, _, width in boxes] == [("a", flame.WIDTH), ("b", flame.WIDTH * 0.75)]
    assert int(boxes[1][1]) == int(boxes[0][1]) - flame.ROW


def test_a_picture_stays_small_and_names_do_no_harm() -> None:
    stacks = {(f"<genexpr {number}> & (x.py)", f"inner {number} (y.py)" * 20): 1 for number in range(500)}
    picture = flame.svg(stacks, "many")
    assert len(picture) <= flame.LIMIT_BYTES
    assert "<genexpr" not in picture
