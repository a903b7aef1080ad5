"""Fewer triangles for the same look: vertices leave one by one, none moves.

Every collapse takes a vertex to one of its neighbours, so what remains is a subset
of the mesh: modes, texture coordinates and named vertices need no resampling.

Source: Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics",
    SIGGRAPH 1997. Ours sums the error over several poses of the same mesh, so that
    an open mouth and a shut eye keep their shape too.
"""

import heapq

import numpy as np

SHARPEST_TURN = 0.25  # cosine between a triangle's normals before and after


class Decimator:
    """A triangle mesh that loses vertices, the least missed first.

    Attributes:
        triangles: vertex numbers [t 3]; rows of removed triangles hold -1.
        wedges: texture corner numbers [t 3], aligned with `triangles`.
    """

    def __init__(self, poses, triangles, wedges, weights, locked, creases):
        """Measures the mesh.

        Args:
            poses: the same vertices in several poses [p v 3], cm.
            triangles: vertex numbers [t 3].
            wedges: texture corner numbers [t 3].
            weights: how much an error at each vertex matters [v].
            locked: vertices that must stay [v], bool.
            creases: vertex pairs [e 2] beside the rims and seams found here, along
                which vertices may slide but which they may not leave.
        """
        self.poses = poses.transpose(1, 0, 2)
        self.triangles, self.wedges = triangles.copy(), wedges.copy()
        self.weights, self.locked = weights, locked
        self.fans = [set() for _ in weights]
        for t, corners in enumerate(triangles):
            for v in corners:
                self.fans[v].add(t)
        self.creases = [set() for _ in weights]
        for a, b in [*self._rims_and_seams(), *creases]:
            self.creases[a].add(b)
            self.creases[b].add(a)
        self.stamps = np.zeros(len(weights), int)
        self.count = len(triangles)
        self._add_quadrics()
        self.heap = []
        for v in range(len(weights)):
            self._offer(v)

    def reduce(self, count):
        """Removes vertices until at most `count` triangles are left."""
        while self.count > count and self.heap:
            _, v, u, stamp = heapq.heappop(self.heap)
            if stamp == self.stamps[v] + self.stamps[u] and self._may(v, u):
                self._collapse(v, u)

    def _neighbours(self, v):
        return set(self.triangles[list(self.fans[v])].ravel().tolist()) - {v}

    def _rims_and_seams(self):
        sides = {}
        for corners, wedges in zip(self.triangles, self.wedges, strict=True):
            for i in range(3):
                a, b, wa, wb = *corners[[i, i - 1]], *wedges[[i, i - 1]]
                side = (wa, wb) if a < b else (wb, wa)
                sides.setdefault((min(a, b), max(a, b)), []).append(side)
        return [e for e, s in sides.items() if len(s) != 2 or s[0] != s[1]]

    def _add_quadrics(self):
        corners = self.poses[self.triangles]  # t 3 p 3
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        areas = np.linalg.norm(normals, axis=-1, keepdims=True) / 2
        normals = normals / np.maximum(2 * areas, 1e-12)
        planes = np.concatenate(
            [normals, -(normals * corners[:, 0]).sum(-1, keepdims=True)], -1
        )
        tiles = np.einsum("tpi,tpj->tpij", planes, planes) * areas[..., None]
        self.quadrics = np.zeros((len(self.weights), self.poses.shape[1], 4, 4))
        for i in range(3):
            np.add.at(self.quadrics, self.triangles[:, i], tiles)
        for a, others in enumerate(self.creases):
            for b in others:  # a wall through the edge keeps rims from shrinking
                along = self.poses[b] - self.poses[a]
                t = next(t for t in self.fans[a] if b in self.triangles[t])
                wall = np.cross(along, normals[t])
                length = np.linalg.norm(wall, axis=-1, keepdims=True)
                wall = wall / np.maximum(length, 1e-12)
                offset = -(wall * self.poses[a]).sum(-1, keepdims=True)
                plane = np.concatenate([wall, offset], -1)
                tile = np.einsum("pi,pj->pij", plane, plane) * length[..., None] ** 2
                self.quadrics[a] += tile
        self.quadrics *= self.weights[:, None, None, None]

    def _offer(self, v):
        if self.locked[v] or not self.fans[v]:
            return
        for u in self.creases[v] if self.creases[v] else self._neighbours(v):
            place = np.concatenate([self.poses[u], np.ones((len(self.poses[u]), 1))], 1)
            quadric = self.quadrics[v] + self.quadrics[u]
            cost = np.einsum("pi,pij,pj->", place, quadric, place)
            length = ((self.poses[u] - self.poses[v]) ** 2).sum(-1).mean()
            cost += 1e-4 * self.weights[v] * length**2  # flat places: even triangles
            heapq.heappush(self.heap, (cost, v, u, self.stamps[v] + self.stamps[u]))

    def _may(self, v, u):
        shared = self.fans[v] & self.fans[u]
        if not self.fans[v] or not shared:
            return False
        if self.creases[v] and (len(self.creases[v]) != 2 or u not in self.creases[v]):
            return False
        if self.creases[v] & self.creases[u]:
            return False
        if len(self._neighbours(v) & self._neighbours(u)) != len(shared):
            return False
        ends = self._wedge_ends(v, u, shared)
        moved = list(self.fans[v] - shared)
        corners, at = self.triangles[moved], self.triangles[moved] == v
        if any(w not in ends for w in self.wedges[moved][at]):
            return False
        return self._turn(corners, np.where(at, u, corners)) > SHARPEST_TURN

    def _turn(self, old, new):
        if not len(old):
            return -1.0
        normals = []
        for corners in (self.poses[old], self.poses[new]):
            normals.append(
                np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            )
        lengths = np.prod([np.linalg.norm(n, axis=-1) for n in normals], axis=0)
        return ((normals[0] * normals[1]).sum(-1) / np.maximum(lengths, 1e-12))[
            :, 0
        ].min()

    def _wedge_ends(self, v, u, shared):
        ends = {}
        for t in shared:
            at = self.triangles[t]
            ends[self.wedges[t][at == v][0]] = self.wedges[t][at == u][0]
        return ends

    def _collapse(self, v, u):
        shared = self.fans[v] & self.fans[u]
        ends = self._wedge_ends(v, u, shared)
        around = self._neighbours(v)
        for t in shared:
            for corner in self.triangles[t]:
                self.fans[corner].discard(t)
            self.triangles[t] = -1
        self.count -= len(shared)
        for t in self.fans[v]:
            at = self.triangles[t] == v
            self.wedges[t][at] = ends[self.wedges[t][at][0]]
            self.triangles[t][at] = u
            self.fans[u].add(t)
        self.fans[v] = set()
        for other in self.creases[v]:
            self.creases[other].discard(v)
            if other != u:
                self.creases[other].add(u)
                self.creases[u].add(other)
        self.quadrics[u] += self.quadrics[v]
        self.stamps[v] += 1
        self.stamps[u] += 1
        for w in around:
            self._offer(w)
