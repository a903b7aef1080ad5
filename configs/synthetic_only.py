"""Synthetic faces alone; real ones are met only when measuring.

With the adapter that is fitted when it is measured, this is also "model adaptation".

Run:     python -m lmkjax.train --config configs/synthetic_only.py --workdir $WORKDIR
"""

from configs import base


def get_config(size="laptop"):
    return base.get_config(size)
