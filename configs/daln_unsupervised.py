"""DALN without real labels: the head is its own critic.

Run:     python -m lmkjax.train --config configs/daln_unsupervised.py --workdir $WORKDIR
Source:  Chen et al., "Reusing the Task-specific Classifier as a Discriminator:
         Discriminator-free Adversarial Domain Adaptation", CVPR 2022.
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.terms.daln.weight = 0.05
    return config
