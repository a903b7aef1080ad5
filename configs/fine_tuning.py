"""Fine-tuning: a network that learned from synthetic faces goes on with real ones.

Needs a run of `synthetic_only.py`, or --config.train.init_from=shipped: the weights
that come with lmkjax. A network of any place goes on as it is; of free kernels of a
dense scheme, the 68 nearest are kept.

Run:     python -m lmkjax.train --config configs/fine_tuning.py --workdir $WORKDIR
             --config.train.init_from=runs/synthetic_only
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.scheme = "ibug68"
    config.terms.supervised.streams = ("target",)
    config.terms.confidence.weight = 0.1  # how sure it is, on photos
    config.train.init_from = "runs/synthetic_only"
    config.optimizer.learning_rate /= 2
    return config
