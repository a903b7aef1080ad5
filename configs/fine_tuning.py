"""Fine-tuning: a network that learned from synthetic faces goes on with real ones.

Needs a run of `synthetic_only.py`. Where that one speaks a dense scheme, its 68
nearest landmarks are kept.

Run:     python -m lmkjax.train --config configs/fine_tuning.py --workdir $WORKDIR
             --config.train.init_from=runs/synthetic_only
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.scheme = "ibug68"
    config.terms.supervised.streams = ("target",)
    config.train.init_from = "runs/synthetic_only"
    config.optimizer.learning_rate /= 2
    return config
