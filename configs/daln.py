"""DALN with label transfer: dense labels are synthetic, real faces carry 68.

Run:     python -m lmkjax.train --config configs/daln.py --workdir $WORKDIR
Source:  Chen et al., "Reusing the Task-specific Classifier as a Discriminator:
         Discriminator-free Adversarial Domain Adaptation", CVPR 2022.
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.terms.daln.weight = 0.05  # of the adversarial term; 0 = without
    config.terms.label_transfer.weight = 0.5
    config.terms.confidence.weight = 0.05  # how sure, and what can be seen
    if size == "laptop":  # soon over; a run to compare says --config.train.init_from=
        config.train.init_from = "shipped"
        config.train.minutes = 0.4
        config.data.faces, config.data.test_faces = 160, 64
        config.data.stand_in_faces = 96
    return config
