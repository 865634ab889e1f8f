"""What one person varies in, learnt of a data set by the command and kept beside a model."""

from pathlib import Path

import numpy as np
import pytest

from passerby.adaptation.back_end import within_class_of
from passerby.adaptation.within_class import within_class
from passerby.assessment.adapt import learn_within_class, within_class_file
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.models.packaged import model_folder
from passerby.synthesis.writing import write
from passerby.tables.records import JUNK
from passerby.tables.unit_length import unit


def test_it_is_of_the_known_persons_of_the_set(tmp_path: Path) -> None:
    write(tmp_path / "set", seed=3, train_persons=3, test_persons=3, cameras=2, images=2)
    split, embedder = read_split(f"synthetic={tmp_path / 'set'}"), load()
    file = tmp_path / "within_class.safetensors"
    made = learn_within_class(embedder, split, file)
    records = [r for part in split.parts.values() for r in part]
    records = [r for r in records if r.person not in (JUNK, split.distractor)]
    vectors = unit(embedder.embed(records).embeddings.vectors)
    expected = within_class(vectors, np.array([r.person for r in records]))
    assert f"{len(records)} images of 6 persons" in made.decided[0]
    read = within_class_of(tmp_path, embedder.fingerprint)
    assert read is not None
    np.testing.assert_allclose(read.variances, expected.variances, rtol=1e-3, atol=1e-6)


def test_the_packaged_model_stays_as_it_came(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stays as it came"):
        within_class_file("default", None)
    with pytest.raises(ValueError, match="stays as it came"):
        within_class_file(model_folder("default"), None)
    assert within_class_file("default", tmp_path / "w").name == "w"
    assert within_class_file(tmp_path, None) == tmp_path / "within_class.safetensors"
