"""Unsupervised adaptation with a discriminator: real faces without their labels.

Run:     python -m lmkjax.train --config configs/discriminator.py --workdir $WORKDIR
Source:  Ganin et al., "Domain-Adversarial Training of Neural Networks", JMLR 2016.
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.terms.discriminator.weight = 0.05
    return config
