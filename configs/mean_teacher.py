"""A mean teacher: averaged weights label photos that the network sees changed.

Run:     python -m lmkjax.train --config configs/mean_teacher.py --workdir $WORKDIR
Source:  Kim et al., "A Unified Framework for Domain Adaptive Pose Estimation",
         ECCV 2022.
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.terms.mean_teacher.weight = 1.0
    config.train.init_from = "shipped" if size == "laptop" else "runs/synthetic_only"
    config.optimizer.learning_rate /= 2
    return config
