"""RegDA: a second head disagrees on photos alone, and the features learn to prevent it.

Begins with a synthetic run. From scratch, say how much of the training goes before:
--config.train.init_from= --config.terms.disparity.begin=0.7 (as in the paper).

Run:     python -m lmkjax.train --config configs/regda.py --workdir $WORKDIR
Source:  Jiang et al., "Regressive Domain Adaptation for Unsupervised Keypoint
         Detection", CVPR 2021.
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.terms.disparity.weight = 1.0
    config.train.init_from = "shipped" if size == "laptop" else "runs/synthetic_only"
    config.optimizer.learning_rate /= 2
    return config
