"""Geometry of a face: outline, pose, expression, mesh, and warps between two sets of points."""
