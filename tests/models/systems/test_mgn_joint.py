"""MGN with one classifier: MGN's embedding, and circle loss on all of it."""

import math

import torch
import torch.nn.functional as F

from passerby.config import Network
from passerby.models.system import build_model
from tests.models.systems.test_pcb import randomised


def build(system, persons=5):
    torch.manual_seed(0)
    classifier = "circle(scale=8.0, margin=0.25)"
    return build_model(Network("resnet18", classifier=classifier, system=system), persons)


@torch.no_grad()
def test_the_embedding_is_mgns():
    images = torch.randn(2, 3, 96, 32)
    joint = randomised(build("mgn_joint(width=8, global_stride=1)"))
    mgn = build("mgn(width=8, global_stride=1)", persons=0).eval()
    state = {k: v for k, v in joint.state_dict().items() if not k.startswith("classifier.")}
    mgn.load_state_dict(state)
    assert torch.equal(joint(images).embedding, mgn(images).embedding)


@torch.no_grad()
def test_circle_loss_on_the_whole_vector():
    system = randomised(build("mgn_joint(width=8)"))
    images, persons = torch.randn(2, 3, 96, 32), torch.tensor([3, 0])
    (part,) = system(images).parts
    loss = F.cross_entropy(part.logits(persons), persons)
    cosines = (
        F.normalize(system(images).embedding) @ F.normalize(system.classifier["joint"].weight).T
    )
    terms = []
    for row, person in zip(cosines.tolist(), persons.tolist(), strict=True):
        towards = math.exp(-8 * max(1.25 - row[person], 0) * (row[person] - 0.75))
        others = [s for c, s in enumerate(row) if c != person]
        away = sum(math.exp(8 * max(s + 0.25, 0) * (s - 0.25)) for s in others)
        terms.append(math.log1p(away * towards))
    torch.testing.assert_close(loss.item(), sum(terms) / 2, rtol=1e-5, atol=1e-6)
