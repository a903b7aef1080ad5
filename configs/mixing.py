"""Mixing: real faces and synthetic ones with adapted labels in one batch.

Needs a finished run of `synthetic_only.py`, whose folder holds the adapter.
`--config.data.source_share` is the method's alpha.

Run:     python -m lmkjax.train --config configs/mixing.py --workdir $WORKDIR
             --config.data.adapter=runs/synthetic_only
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.scheme = "ibug68"
    config.data.adapter = "runs/synthetic_only"
    config.terms.supervised.streams = ("source", "target")
    return config
