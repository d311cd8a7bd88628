"""Plane geometry for the zone grid, in units of a cell: segments, lines and convex regions."""

from __future__ import annotations

import math

Point = tuple[float, float]
Segment = tuple[Point, Point]
Line = tuple[float, float, float]

EPS = 1e-9  # of a cell's side


def inside_square(start: Point, end: Point) -> Segment | None:
    """The part of a segment in the unit square (Liang-Barsky)."""
    (x, y), dx, dy = start, end[0] - start[0], end[1] - start[1]
    enter, leave = 0.0, 1.0
    for step, distance in ((-dx, x), (dx, 1 - x), (-dy, y), (dy, 1 - y)):
        if step == 0:
            if distance < 0:
                return None
        elif step < 0:
            enter = max(enter, distance / step)
        else:
            leave = min(leave, distance / step)
    if (leave - enter) * max(abs(dx), abs(dy)) < EPS:
        return None
    return (x + enter * dx, y + enter * dy), (x + leave * dx, y + leave * dy)


def line_through(segment: Segment) -> Line:
    """a*x + b*y + c is the signed distance to the segment's line."""
    (x1, y1), (x2, y2) = segment
    a, b = y2 - y1, x1 - x2
    length = math.hypot(a, b)
    return a / length, b / length, -(a * x1 + b * y1) / length


def distance(line: Line, point: Point) -> float:
    return line[0] * point[0] + line[1] * point[1] + line[2]


def best_line(segments: list[Segment]) -> Line:
    """The segment's line that cuts the fewest others and parts them most evenly."""
    best, best_cost = line_through(segments[0]), float("inf")
    for segment in segments[:40]:
        line = line_through(segment)
        cuts = below = above = 0
        for start, end in segments:
            d1, d2 = distance(line, start), distance(line, end)
            below += min(d1, d2) < -EPS
            above += max(d1, d2) > EPS
            cuts += min(d1, d2) < -EPS and max(d1, d2) > EPS
        cost = 2.0 * cuts + abs(below - above)
        if cost < best_cost:
            best, best_cost = line, cost
    return best


def cut(segment: Segment, line: Line) -> tuple[Segment | None, Segment | None]:
    """The parts of a segment below and above a line; what lies on it is in neither."""
    start, end = segment
    d1, d2 = distance(line, start), distance(line, end)
    if abs(d1) <= EPS and abs(d2) <= EPS:
        return None, None
    if max(d1, d2) <= EPS:
        return segment, None
    if min(d1, d2) >= -EPS:
        return None, segment
    share = d1 / (d1 - d2)
    middle = (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
    first, second = (start, middle), (middle, end)
    return (first, second) if d1 < 0 else (second, first)


def clip(region: list[Point], line: Line, side: int) -> list[Point]:
    """The part of a convex region on one side of a line."""
    kept: list[Point] = []
    for i, point in enumerate(region):
        following = region[(i + 1) % len(region)]
        d1, d2 = side * distance(line, point), side * distance(line, following)
        if d1 >= 0:
            kept.append(point)
        if (d1 > 0 > d2) or (d1 < 0 < d2):
            share = d1 / (d1 - d2)
            kept.append((point[0] + share * (following[0] - point[0]), point[1] + share * (following[1] - point[1])))
    return kept


def area(region: list[Point]) -> float:
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(region, region[1:] + region[:1], strict=True))) / 2


def centroid(region: list[Point]) -> Point:
    return sum(x for x, _ in region) / len(region), sum(y for _, y in region) / len(region)
