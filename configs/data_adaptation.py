"""Data adaptation: an adapter rewrites the synthetic labels, which alone are learned.

Needs a finished run of `synthetic_only.py`, whose folder holds the adapter.

Run:     python -m lmkjax.train --config configs/data_adaptation.py --workdir $WORKDIR
             --config.data.adapter=runs/synthetic_only
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.scheme = "ibug68"
    config.data.adapter = "runs/synthetic_only"
    return config
