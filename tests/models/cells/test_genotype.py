"""Genotypes as text, there and back, and what is wrong with a text."""

import pytest

from passerby.models.cells.genotype import Edge, Genotype

TEXT = "sep_conv_3x3 0 + skip_connect 1, none 2; max_pool_3x3 0 + part_aware 1, dil_conv_3x3 2"


def test_a_genotype_is_read_and_written():
    found = Genotype.parse(TEXT)
    assert found.normal == (
        (Edge("sep_conv_3x3", 0), Edge("skip_connect", 1)),
        (Edge("none", 2),),
    )
    assert found.reduction[1] == (Edge("dil_conv_3x3", 2),)
    assert str(found) == TEXT
    assert Genotype.parse(f"  {TEXT.replace(',', ' ,')} ") == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("skip_connect 0", "the normal cell, ';', the reduction cell, got 'skip_connect 0'"),
        ("skip_conect 0; skip_connect 0", "node 2 of a cell: .*did you mean 'skip_connect'"),
        ("skip_connect 0; skip_connect 2", "node 2 of a cell takes maps of nodes 0 to 1, got '2'"),
        ("skip_connect 0; skip_connect x", "takes maps of nodes 0 to 1, got 'x'"),
        ("skip_connect 0, none 3; none 0, none 1", "node 3 of a cell takes maps of nodes 0 to 2"),
        ("none 0, none 1; none 0", "as many nodes as each other, got 2 and 1"),
        ("; ", "no operation is named ''"),
    ],
)
def test_slips_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        Genotype.parse(text)
