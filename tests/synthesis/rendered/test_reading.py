"""MakeHuman's text files, with what is odd about them."""

import gzip

import numpy as np
import pytest

from passerby.synthesis.rendered.assets.reading import (
    BASE_POINTS,
    components,
    read_fitting,
    read_mesh,
    read_target,
)


def test_a_mesh_has_its_faces_as_fans_and_their_groups(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text(
        "# a comment\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0.5\nvt 0 0\n\n"
        "g body\nf 1/1 2/1 3/1 4/1\ng helper\nf 1 3 4\n"
    )
    mesh = read_mesh(path)
    np.testing.assert_array_equal(mesh.points[3], [0, 1, 0.5])
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 2, 3]]
    assert mesh.groups.tolist() == ["body", "body", "helper"]


def test_a_garment_is_read_past_keywords_after_its_vertices(tmp_path):
    path = tmp_path / "coat.mhclo"
    path.write_text(
        "# a garment\nbasemesh hm08\nobj_file coat.obj\n"
        "x_scale 5 6 1.5\nz_scale 7 8 2.0\n"
        "verts 0\n1 2 3 0.2 0.3 0.5 0.1 0.2 0.3\nmaterial coat.mhmat\n4711\n4 5 6 0.5 0.25 0.25\n"
        "weights coat.mhw\ndelete_verts\n10 - 12 20\n30 - 31\n"
    )
    coat = read_fitting(path)
    assert coat.references.tolist() == [[1, 2, 3], [4711, 0, 0], [4, 5, 6]]
    np.testing.assert_allclose(coat.shares, [[0.2, 0.3, 0.5], [1, 0, 0], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(coat.offsets, [[0.1, 0.2, 0.3], [0, 0, 0], [0, 0, 0]])
    assert coat.scale_points.tolist() == [[5, 6], [0, 0], [7, 8]]
    assert coat.scale_lengths.tolist() == [1.5, 1, 2]
    assert np.flatnonzero(coat.hidden).tolist() == [10, 11, 12, 20, 30, 31]
    assert coat.mesh == tmp_path / "coat.obj"


def test_a_garment_without_vertices_is_refused(tmp_path):
    path = tmp_path / "empty.mhclo"
    path.write_text("obj_file empty.obj\n")
    with pytest.raises(ValueError, match="expected a garment with obj_file and verts"):
        read_fitting(path)


def test_a_target_moves_the_vertices_it_names(tmp_path):
    path = tmp_path / "a.target.gz"
    with gzip.open(path, "wt") as file:
        file.write("# a target\n3 .1 -.2 .3\n19157 1 2 3\n")
    moves = read_target(path)
    assert moves.shape == (BASE_POINTS, 3)
    np.testing.assert_allclose(moves[3], [0.1, -0.2, 0.3], rtol=1e-6)
    assert np.count_nonzero(moves.any(1)) == 2
    with gzip.open(path, "wt") as file:
        file.write("# nothing moves\n")
    assert not read_target(path).any()


@pytest.mark.parametrize("seed", range(5))
def test_components_are_those_of_a_search(seed):
    rng = np.random.default_rng(seed)
    faces = rng.integers(0, 60, (22, 3))
    found = components(60, faces)
    neighbours = {vertex: set() for vertex in range(60)}
    for face in faces.tolist():
        for vertex in face:
            neighbours[vertex] |= set(face)
    for start in range(60):
        reached, todo = {start}, [start]
        while todo:
            new = neighbours[todo.pop()] - reached
            reached |= new
            todo += new
        assert set(np.flatnonzero(found == found[start]).tolist()) == reached
